/* libmicrohttpd's functions that the server calls, from the library that is opened by the first. */
#include "server/lazy/lazy.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stddef.h>

static struct lazy_library library = {.file = LAZY_MICROHTTPD, .package = "libmicrohttpd12"};

typedef enum MHD_Result result;
typedef struct MHD_Connection connection;
typedef struct MHD_Daemon http_server;
typedef struct MHD_Response response;

LAZY(const char *, MHD_get_version, (void), ())
LAZY(http_server *, MHD_start_daemon_va,
     (unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_context,
      MHD_AccessHandlerCallback handle, void *handle_context, va_list options),
     (flags, port, accept, accept_context, handle, handle_context, options))
LAZY(MHD_socket, MHD_quiesce_daemon, (http_server * d), (d))
LAZY_VOID(MHD_stop_daemon, (http_server * d), (d))
LAZY(const char *, MHD_lookup_connection_value,
     (connection * c, enum MHD_ValueKind kind, const char *name), (c, kind, name))
LAZY(int, MHD_get_connection_values,
     (connection * c, enum MHD_ValueKind kind, MHD_KeyValueIterator each, void *context),
     (c, kind, each, context))
LAZY(size_t, MHD_http_unescape, (char *text), (text))
LAZY_VOID(MHD_suspend_connection, (connection * c), (c))
LAZY_VOID(MHD_resume_connection, (connection * c), (c))
LAZY(response *, MHD_create_response_from_buffer,
     (size_t size, void *buffer, enum MHD_ResponseMemoryMode mode), (size, buffer, mode))
LAZY(result, MHD_add_response_header, (response * r, const char *name, const char *value),
     (r, name, value))
LAZY(result, MHD_queue_response, (connection * c, unsigned status, response *r), (c, status, r))
LAZY_VOID(MHD_destroy_response, (response * r), (r))
/* What the server asks these two for takes no further arguments. */
LAZY(const union MHD_ConnectionInfo *, MHD_get_connection_info,
     (connection * c, enum MHD_ConnectionInfoType what, ...), (c, what))
LAZY(const union MHD_DaemonInfo *, MHD_get_daemon_info,
     (http_server * d, enum MHD_DaemonInfoType what, ...), (d, what))

http_server *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept,
                              void *accept_context, MHD_AccessHandlerCallback handle,
                              void *handle_context, ...) {
    va_list options;

    va_start(options, handle_context);
    http_server *d =
        MHD_start_daemon_va(flags, port, accept, accept_context, handle, handle_context, options);
    va_end(options);
    return d;
}

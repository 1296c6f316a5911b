/* The module's server: its socket, its services, its end. */
#include "grpc/module/client.h"
#include "grpc/module/services.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <grpc/grpc.h>
#include <grpc/health/v1/health.pb.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <string>
#include <thread>
#include <vector>

struct grpc_server {
    Shared shared;
    std::vector<const ServiceRow *> rows;
    std::vector<std::unique_ptr<grpc::Service>> services;
    std::unique_ptr<grpc::Server> server;
    std::thread ending; /* Shutdown() waits for what is under way */
    std::atomic<bool> has_ended{false};
    int port = 0;
};

namespace {

/* A connection without an answer for so long is asked whether it still is one. */
enum { KEEPALIVE_MS = 60000, KEEPALIVE_TIMEOUT_MS = 20000 };

/* gRPC's own sentences are about single connections: of no use to whoever runs a server. */
void drop_log(gpr_log_func_args *) {}

/* Once a process: what gRPC keeps for all servers. */
void set_up() {
    static bool done;

    if (done) return;
    done = true;
    gpr_set_log_function(drop_log);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    /* Makes reflection know the protocol of the health service, which gRPC has none of. */
    grpc::health::v1::HealthCheckRequest::descriptor();
}

std::shared_ptr<grpc::ServerCredentials> credentials(const grpc_options &o) {
    grpc::SslServerCredentialsOptions ssl;

    if (!o.tls_cert) return grpc::InsecureServerCredentials();
    ssl.pem_key_cert_pairs.push_back({o.tls_key, o.tls_cert});
    return grpc::SslServerCredentials(ssl);
}

std::string listening_address(const grpc_options &o) {
    std::string address = o.address;

    if (address.find(':') != std::string::npos) address = "[" + address + "]";
    return address + ":" + std::to_string(o.port);
}

void set_limits(grpc::ServerBuilder *builder, const grpc_options &o) {
    grpc::ResourceQuota quota("mien");

    quota.Resize(o.memory);
    builder->SetResourceQuota(quota);
    builder->SetMaxReceiveMessageSize(o.max_message < 0x7fffffff ? static_cast<int>(o.max_message)
                                                                 : 0x7fffffff);
    builder->SetMaxSendMessageSize(-1);
    builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, o.max_streams);
    builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(o.idle * 1e3));
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS);
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS);
    builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0); /* a port that is taken is an error */
}

void set_serving(grpc_server *s, int serving) {
    grpc::HealthCheckServiceInterface *health = s->server->GetHealthCheckService();

    if (!health) return;
    health->SetServingStatus(serving != 0);
    health->SetServingStatus("", serving != 0);
    for (const ServiceRow *row : s->rows) health->SetServingStatus(row->full_name, serving != 0);
}

int fail(char *why, size_t room, const std::string &sentence) {
    std::snprintf(why, room, "%s", sentence.c_str());
    return -1;
}

int add_services(grpc_server *s, const grpc_options &o, grpc::ServerBuilder *builder, char *why,
                 size_t room) {
    for (const char *const *name = o.services; *name; name++) {
        const ServiceRow *row = find_service(*name);
        if (!row) return fail(why, room, std::string("gRPC: there is no service ") + *name);
        s->rows.push_back(row);
        s->services.push_back(row->make(&s->shared));
        builder->RegisterService(s->services.back().get());
    }
    return 0;
}

grpc_server *start(const grpc_options *o, const grpc_host *host, char *why, size_t room) {
    std::unique_ptr<grpc_server> s(new grpc_server);
    grpc::ServerBuilder builder;

    set_up();
    s->shared.host = *host;
    s->shared.in_flight = o->in_flight;
    builder.AddListeningPort(listening_address(*o), credentials(*o), &s->port);
    set_limits(&builder, *o);
    if (add_services(s.get(), *o, &builder, why, room)) return nullptr;
    s->server = builder.BuildAndStart();
    if (!s->server || s->port <= 0) {
        fail(why, room,
             o->tls_cert ? "the gRPC server could not start: are certificate and key a "
                           "pair of PEM files?"
                         : "the gRPC server could not start");
        return nullptr;
    }
    set_serving(s.get(), 0);
    return s.release();
}

int port(const grpc_server *s) {
    return s->port;
}

void drain(grpc_server *s, double seconds) {
    auto until = std::chrono::system_clock::now() +
                 std::chrono::microseconds(static_cast<int64_t>(1e6 * seconds));

    set_serving(s, 0);
    s->shared.streams.end_all();
    if (s->ending.joinable()) return;
    s->ending = std::thread([s, until] {
        s->server->Shutdown(until);
        s->has_ended = true;
    });
}

/* Answers that were given have a moment to leave; then what is left is cancelled, such as a Watch
 * of the health service, which ends by itself never. */
void stop(grpc_server *s) {
    enum { TICK_MS = 5, LAST_ANSWERS_MS = 1000 };
    int waited = 0;

    drain(s, 2e-3 * LAST_ANSWERS_MS);
    for (; !s->has_ended; waited += TICK_MS) {
        if (s->shared.open_calls == 0 || waited >= LAST_ANSWERS_MS)
            grpc_server_cancel_all_calls(s->server->c_server());
        std::this_thread::sleep_for(std::chrono::milliseconds(TICK_MS));
    }
    s->ending.join();
    s->server->Wait();
    delete s;
}

const grpc_module MODULE = {GRPC_MODULE_VERSION, start, port, set_serving, drain, stop,
                            &CLIENT_OPS};

} // namespace

extern "C" __attribute__((visibility("default"))) const grpc_module *mien_grpc_module(void);
const grpc_module *mien_grpc_module(void) {
    return &MODULE;
}

/*
 * ask.h - from a call to an ask of the program, and from its answer to the call's end.
 */
#ifndef MIEN_GRPC_MODULE_ASK_H
#define MIEN_GRPC_MODULE_ASK_H

#include "grpc/module/shared.h"

#include <functional>
#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <string>
#include <utility>
#include <vector>

/* What a method wants, to be filled before it is begun. */
class Ask {
  public:
    Ask(grpc::CallbackServerContext *context, const char *rpc, const char *method,
        std::string path);

    void argument(const std::string &name, const std::string &value);
    void header(const std::string &name, const std::string &value);
    /* An argument for each field of the message that is set, named as the field; lists with commas.
     */
    void arguments_of(const google::protobuf::Message &options);
    /* A piece of the body, behind those before. Not copied: it must stay until begin() has
     * returned. */
    void piece(const std::string &bytes);
    /* The first piece: taken over. */
    void first_piece(std::string bytes);

    /* As grpc_host.begin(). */
    int begin(const grpc_host &host, void (*done)(void *owner, const grpc_answer *answer),
              void *owner, grpc_call **call);

  private:
    typedef std::vector<std::pair<std::string, std::string>> Fields;
    grpc::CallbackServerContext *context_;
    const char *rpc_, *method_;
    std::string path_, first_;
    Fields arguments_, headers_;
    std::vector<grpc_bytes> pieces_;
};

/* A name as a segment of a path: one that can be none becomes one that nothing has. */
std::string path_segment(const std::string &text);

/* How gRPC says what an answer says. The metadata `mien-error` has its code. */
grpc::Status status_of(const grpc_answer *answer);
/* The answer's headers, and the code of its error, as metadata of the call's end. */
void add_metadata(grpc::CallbackServerContext *context, const grpc_answer *answer);

/* Fills the call's message from an answer that is no error. */
typedef std::function<grpc::Status(const grpc_answer *answer)> Reader;

/* Begins the ask; the reactor ends the call when it is answered. It costs no thread meanwhile. */
grpc::ServerUnaryReactor *unary(Shared *shared, grpc::CallbackServerContext *context, Ask *ask,
                                Reader read);

#endif

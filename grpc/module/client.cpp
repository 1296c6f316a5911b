#include "grpc/module/client.h"

#include "grpc/module.h"

#include <aggregator.grpc.pb.h>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <landmark_detection.grpc.pb.h>
#include <memory>
#include <mutex>
#include <set>

struct grpc_client {
    std::unique_ptr<grpc::TemplatedGenericStub<landmark_detection::ImageRequest,
                                               landmark_detection::LandmarkResponse>>
        look;
    std::unique_ptr<
        grpc::TemplatedGenericStub<aggregator::AggregateRequest, aggregator::AggregateResponse>>
        store;
    std::mutex lock;
    std::set<grpc::ClientContext *> waiting;
    bool is_cancelled = false;
};

namespace {

/* A service that was started anew is to be found soon. */
enum { RECONNECT_MS = 100, RECONNECT_MOST_MS = 1000, KEEPALIVE_MS = 30000 };

template <size_t N> void copy(char (&out)[N], const std::string &text) {
    std::snprintf(out, N, "%s", text.c_str());
}

grpc_client *open(const grpc_client_options *o, char *why, size_t room) {
    std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
    grpc::ChannelArguments arguments;

    if (o->ca) {
        grpc::SslCredentialsOptions ssl;
        ssl.pem_root_certs = o->ca;
        credentials = grpc::SslCredentials(ssl);
    }
    arguments.SetMaxReceiveMessageSize(static_cast<int>(o->max_message));
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_MS);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, RECONNECT_MS);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MOST_MS);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    std::shared_ptr<grpc::Channel> channel =
        credentials ? grpc::CreateCustomChannel(o->target, credentials, arguments) : nullptr;
    if (!channel) {
        std::snprintf(why, room, "gRPC has no channel to %s", o->target);
        return nullptr;
    }
    std::unique_ptr<grpc_client> client(new grpc_client);
    client->look.reset(
        new grpc::TemplatedGenericStub<landmark_detection::ImageRequest,
                                       landmark_detection::LandmarkResponse>(channel));
    client->store.reset(
        new grpc::TemplatedGenericStub<aggregator::AggregateRequest, aggregator::AggregateResponse>(
            channel));
    return client.release();
}

/* Waits for the call's end, which cancel() may bring about. */
template <class Stub, class Request, class Response>
grpc::Status call(grpc_client *client, Stub *stub, const grpc_sent *sent, const Request &request,
                  Response *response) {
    grpc::ClientContext context;
    std::condition_variable done;
    std::mutex lock;
    grpc::Status status;
    bool is_done = false;

    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(static_cast<int64_t>(1e3 * sent->seconds)));
    for (size_t i = 0; i < sent->nmetadata; i++)
        context.AddMetadata(sent->metadata[i].name, sent->metadata[i].value);
    {
        std::lock_guard<std::mutex> hold(client->lock);
        if (client->is_cancelled) return grpc::Status::CANCELLED;
        client->waiting.insert(&context);
    }
    stub->UnaryCall(&context, sent->method, grpc::StubOptions(), &request, response,
                    [&](const grpc::Status &ended) {
                        std::lock_guard<std::mutex> hold(lock);
                        status = ended;
                        is_done = true;
                        done.notify_one();
                    });
    {
        std::unique_lock<std::mutex> hold(lock);
        done.wait(hold, [&] { return is_done; });
    }
    std::lock_guard<std::mutex> hold(client->lock);
    client->waiting.erase(&context);
    return status;
}

/* All but what says that the request is none: a key may be added, a service be put in place. */
bool may_come_right(grpc::StatusCode code) {
    return code != grpc::StatusCode::INVALID_ARGUMENT && code != grpc::StatusCode::OUT_OF_RANGE;
}

grpc::Status ask_look(grpc_client *client, const grpc_sent *sent, grpc_received *received) {
    landmark_detection::ImageRequest request;
    landmark_detection::LandmarkResponse response;

    request.set_image_id(sent->image_id);
    request.set_image_data(sent->image, sent->size);
    grpc::Status status = call(client, client->look.get(), sent, request, &response);
    received->success = response.success();
    copy(received->redis_key, response.redis_key());
    copy(received->text, response.error_message());
    return status;
}

grpc::Status ask_store(grpc_client *client, const grpc_sent *sent, grpc_received *received) {
    aggregator::AggregateRequest request;
    aggregator::AggregateResponse response;

    request.set_image_id(sent->image_id);
    request.set_redis_key(sent->redis_key);
    request.set_image_read_ns(sent->image_read_ns);
    grpc::Status status = call(client, client->store.get(), sent, request, &response);
    received->success = response.success();
    copy(received->text, response.success() ? response.saved_path() : response.message());
    return status;
}

void ask(grpc_client *client, const grpc_sent *sent, grpc_received *received) {
    std::memset(received, 0, sizeof *received);
    grpc::Status status =
        sent->redis_key ? ask_store(client, sent, received) : ask_look(client, sent, received);
    if (status.ok()) return;
    received->code = static_cast<int>(status.error_code());
    received->may_come_right = may_come_right(status.error_code());
    copy(received->text, status.error_message().empty()
                             ? "gRPC status " + std::to_string(received->code)
                             : status.error_message());
}

void cancel(grpc_client *client) {
    std::lock_guard<std::mutex> hold(client->lock);
    client->is_cancelled = true;
    for (grpc::ClientContext *context : client->waiting) context->TryCancel();
}

void close(grpc_client *client) {
    delete client;
}

} // namespace

const grpc_client_ops CLIENT_OPS = {open, ask, cancel, close};

#include "grpc/module/ask.h"

#include <chrono>
#include <cstdio>

namespace {

/* What of the metadata the program reads; the rest, such as content-type, is about gRPC itself. */
const char *const PASSED_ON[] = {"authorization",   "x-api-key",       "x-request-id",
                                 "x-forwarded-for", "idempotency-key", "traceparent"};

std::string number(double value) {
    char text[40];

    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
}

/* The field's value, or the i-th of a list, as parameters of HTTP write it. */
std::string value_of(const google::protobuf::Message &m, const google::protobuf::FieldDescriptor *f,
                     int i) {
    const google::protobuf::Reflection *r = m.GetReflection();
    bool list = f->is_repeated();

    switch (f->cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE:
        return number(list ? r->GetRepeatedDouble(m, f, i) : r->GetDouble(m, f));
    case google::protobuf::FieldDescriptor::CPPTYPE_INT32:
        return std::to_string(list ? r->GetRepeatedInt32(m, f, i) : r->GetInt32(m, f));
    case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
        return (list ? r->GetRepeatedBool(m, f, i) : r->GetBool(m, f)) ? "1" : "0";
    case google::protobuf::FieldDescriptor::CPPTYPE_STRING:
        return list ? r->GetRepeatedString(m, f, i) : r->GetString(m, f);
    default: return ""; /* no option is of another type */
    }
}

std::vector<grpc_field> fields_of(const std::vector<std::pair<std::string, std::string>> &pairs) {
    std::vector<grpc_field> fields;

    for (const auto &pair : pairs) fields.push_back({pair.first.c_str(), pair.second.c_str()});
    return fields;
}

double seconds_until(std::chrono::system_clock::time_point deadline) {
    if (deadline == std::chrono::system_clock::time_point::max()) return -1;
    std::chrono::duration<double> left = deadline - std::chrono::system_clock::now();
    return left.count() > 0 ? left.count() : 0;
}

class Unary final : public grpc::ServerUnaryReactor {
  public:
    Unary(Shared *shared, grpc::CallbackServerContext *context, Reader read)
        : shared_(shared), context_(context), read_(std::move(read)) {
        shared_->open_calls++;
    }

    void begin(Ask *ask) {
        if (ask->begin(shared_->host, done, this, &call_))
            Finish(
                grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the server is out of memory"));
    }

    void OnCancel() override {
        if (call_) shared_->host.cancel(call_);
    }

    void OnDone() override {
        if (call_) shared_->host.release(call_);
        shared_->open_calls--;
        delete this;
    }

  private:
    static void done(void *owner, const grpc_answer *answer) {
        Unary *self = static_cast<Unary *>(owner);
        grpc::Status status = status_of(answer);

        if (status.ok()) status = self->read_(answer);
        add_metadata(self->context_, answer);
        self->Finish(status);
    }

    Shared *shared_;
    grpc::CallbackServerContext *context_;
    Reader read_;
    grpc_call *call_ = nullptr;
};

} // namespace

Ask::Ask(grpc::CallbackServerContext *context, const char *rpc, const char *method,
         std::string path)
    : context_(context), rpc_(rpc), method_(method), path_(std::move(path)) {
    for (const char *name : PASSED_ON) {
        auto found = context->client_metadata().equal_range(name);
        for (auto at = found.first; at != found.second; ++at)
            headers_.emplace_back(name, std::string(at->second.data(), at->second.size()));
    }
}

void Ask::argument(const std::string &name, const std::string &value) {
    arguments_.emplace_back(name, value);
}

void Ask::header(const std::string &name, const std::string &value) {
    headers_.emplace_back(name, value);
}

void Ask::arguments_of(const google::protobuf::Message &options) {
    std::vector<const google::protobuf::FieldDescriptor *> fields;

    options.GetReflection()->ListFields(options, &fields);
    for (const google::protobuf::FieldDescriptor *f : fields) {
        int n = f->is_repeated() ? options.GetReflection()->FieldSize(options, f) : 1;
        std::string value;
        for (int i = 0; i < n; i++) value += (i ? "," : "") + value_of(options, f, i);
        argument(f->name(), value);
    }
}

void Ask::piece(const std::string &bytes) {
    pieces_.push_back({bytes.data(), bytes.size()});
}

void Ask::first_piece(std::string bytes) {
    first_ = std::move(bytes);
}

int Ask::begin(const grpc_host &host, void (*done)(void *, const grpc_answer *), void *owner,
               grpc_call **call) {
    std::vector<grpc_field> arguments = fields_of(arguments_), headers = fields_of(headers_);
    std::vector<grpc_bytes> body = {{first_.data(), first_.size()}};
    std::string peer = context_->peer();
    grpc_ask ask = {};

    ask.rpc = rpc_;
    ask.method = method_;
    ask.path = path_.c_str();
    ask.arguments = arguments.data();
    ask.narguments = arguments.size();
    ask.headers = headers.data();
    ask.nheaders = headers.size();
    ask.peer = peer.c_str();
    body.insert(body.end(), pieces_.begin(), pieces_.end());
    ask.body = body.data();
    ask.pieces = body.size();
    ask.seconds = seconds_until(context_->deadline());
    ask.done = done;
    ask.owner = owner;
    return host.begin(host.context, &ask, call);
}

std::string path_segment(const std::string &text) {
    std::string out;

    for (char c : text)
        if (c == '/' || c == '\0')
            out += '?';
        else
            out += c;
    return out.empty() ? "?" : out;
}

grpc::Status status_of(const grpc_answer *answer) {
    static const struct {
        int status;
        grpc::StatusCode code;
    } rows[] = {
        {400, grpc::StatusCode::INVALID_ARGUMENT},   {401, grpc::StatusCode::UNAUTHENTICATED},
        {403, grpc::StatusCode::PERMISSION_DENIED},  {404, grpc::StatusCode::NOT_FOUND},
        {405, grpc::StatusCode::UNIMPLEMENTED},      {409, grpc::StatusCode::FAILED_PRECONDITION},
        {413, grpc::StatusCode::INVALID_ARGUMENT}, /* it stays too large */
        {415, grpc::StatusCode::INVALID_ARGUMENT},   {422, grpc::StatusCode::FAILED_PRECONDITION},
        {429, grpc::StatusCode::RESOURCE_EXHAUSTED}, {499, grpc::StatusCode::CANCELLED},
        {501, grpc::StatusCode::UNIMPLEMENTED},      {503, grpc::StatusCode::UNAVAILABLE},
        {504, grpc::StatusCode::DEADLINE_EXCEEDED},  {507, grpc::StatusCode::RESOURCE_EXHAUSTED}};

    if (!answer->code) return grpc::Status::OK;
    for (const auto &row : rows)
        if (row.status == answer->status) return grpc::Status(row.code, answer->message);
    return grpc::Status(grpc::StatusCode::INTERNAL, answer->message);
}

void add_metadata(grpc::CallbackServerContext *context, const grpc_answer *answer) {
    for (size_t i = 0; i < answer->nheaders; i++) {
        std::string name = answer->headers[i].name;
        if (name == "Retry-After") name = "retry-after";
        if (name == "x-request-id" || name == "retry-after")
            context->AddTrailingMetadata(name, answer->headers[i].value);
    }
    if (answer->code) context->AddTrailingMetadata("mien-error", answer->code);
}

grpc::ServerUnaryReactor *unary(Shared *shared, grpc::CallbackServerContext *context, Ask *ask,
                                Reader read) {
    Unary *reactor = new Unary(shared, context, std::move(read));

    reactor->begin(ask);
    return reactor;
}

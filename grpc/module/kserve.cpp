/* inference.GRPCInferenceService: the messages of KServe's protocol over gRPC, as the same protocol
 * over HTTP with its binary tensors (server/apis/kserve.c), whose routes answer. */
#include "grpc/module/json_message.h"
#include "grpc/module/services.h"
#include "grpc/module/stream.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <inference.grpc.pb.h>

namespace {

using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

/* Of the JSON before binary tensors: server/apis/kserve.c. */
const char JSON_LENGTH[] = "Inference-Header-Content-Length";

std::string model_path(const std::string &name, const std::string &version, const char *what) {
    std::string path = "/v2/models/" + path_segment(name);

    if (!version.empty()) path += "/versions/" + path_segment(version);
    return path + what;
}

json_t *text_json(const std::string &text) {
    return json_stringn(text.data(), text.size());
}

template <class Numbers> void append_as(std::string *out, const Numbers &numbers, size_t bytes) {
    for (auto number : numbers) /* little endian, as all processors mien runs on */
        out->append(reinterpret_cast<const char *>(&number), bytes);
}

/* The contents of a type that the protocol has a field for, as raw bytes. A type that mien does not
 * take gets none here, and is refused by whoever reads the request. */
void append_contents(std::string *out, const std::string &type, const InferTensorContents &c) {
    if (type == "FP32")
        append_as(out, c.fp32_contents(), 4);
    else if (type == "FP64")
        append_as(out, c.fp64_contents(), 8);
    else if (type == "UINT8")
        append_as(out, c.uint_contents(), 1);
}

bool is_raw(const ModelInferRequest &m) {
    return m.raw_input_contents_size() > 0;
}

/* Numbers of UINT8 that are none. */
bool fits(const ModelInferRequest::InferInputTensor &in) {
    if (in.datatype() != "UINT8") return true;
    for (uint32_t number : in.contents().uint_contents())
        if (number > 255) return false;
    return true;
}

json_t *input_json(const ModelInferRequest::InferInputTensor &in, size_t bytes) {
    json_t *shape = json_array();

    for (int64_t side : in.shape()) json_array_append_new(shape, json_integer(side));
    return json_pack("{s:o, s:o, s:o, s:{s:I}}", "name", text_json(in.name()), "datatype",
                     text_json(in.datatype()), "shape", shape, "parameters", "binary_data_size",
                     static_cast<json_int_t>(bytes));
}

json_t *wanted_json(const ModelInferRequest &m) {
    json_t *outputs = json_array();

    for (const auto &wanted : m.outputs())
        json_array_append_new(outputs, json_pack("{s:o}", "name", text_json(wanted.name())));
    return outputs;
}

/* Why the message cannot be written as a request; "": it can. */
std::string fault_of(const ModelInferRequest &m) {
    if (is_raw(m) && m.raw_input_contents_size() != m.inputs_size())
        return "raw_input_contents has " + std::to_string(m.raw_input_contents_size()) +
               " entries for " + std::to_string(m.inputs_size()) + " inputs";
    for (const auto &in : m.inputs()) {
        if (is_raw(m) && in.has_contents())
            return "input '" + in.name() + "' has contents beside raw_input_contents";
        if (!is_raw(m) && !fits(in))
            return "input '" + in.name() + "' has a number that is no UINT8";
    }
    return "";
}

/* The JSON of the request over HTTP; `typed` gets what its tensors are where they are no raw bytes.
 */
std::string json_of(const ModelInferRequest &m, std::string *typed) {
    json_t *inputs = json_array(), *root;
    std::string json;
    char *text;

    for (int i = 0; i < m.inputs_size(); i++) {
        size_t before = typed->size(), bytes;
        if (!is_raw(m)) append_contents(typed, m.inputs(i).datatype(), m.inputs(i).contents());
        bytes = is_raw(m) ? m.raw_input_contents(i).size() : typed->size() - before;
        json_array_append_new(inputs, input_json(m.inputs(i), bytes));
    }
    root = json_pack("{s:o, s:o, s:{s:b}}", "inputs", inputs, "outputs", wanted_json(m),
                     "parameters", "binary_data_output", 1);
    if (m.outputs_size() == 0) json_object_del(root, "outputs");
    if (!m.id().empty()) json_object_set_new(root, "id", text_json(m.id()));
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text) json = text;
    std::free(text);
    return json;
}

std::unique_ptr<Ask> infer_ask(grpc::CallbackServerContext *context, const char *rpc,
                               const ModelInferRequest &m, std::string *fault) {
    std::string wrong = fault_of(m), typed, json;
    std::unique_ptr<Ask> ask;

    if (!wrong.empty()) {
        *fault = wrong;
        return nullptr;
    }
    json = json_of(m, &typed);
    ask.reset(
        new Ask(context, rpc, "POST", model_path(m.model_name(), m.model_version(), "/infer")));
    ask->header(JSON_LENGTH, std::to_string(json.size()));
    ask->header("content-type", "application/octet-stream");
    ask->first_piece(json + typed);
    for (const std::string &bytes : m.raw_input_contents()) ask->piece(bytes);
    return ask;
}

/* The tensors of a request that was begun are the program's: with a copy here, each would be there
 * twice for as long as it waits. */
void shrink(ModelInferRequest *m) {
    for (std::string &bytes : *m->mutable_raw_input_contents()) std::string().swap(bytes);
    for (auto &in : *m->mutable_inputs()) delete in.release_contents();
}

/* The length of the JSON in front of the tensors. */
size_t json_length(const grpc_answer *answer) {
    for (size_t i = 0; i < answer->nheaders; i++)
        if (std::strcmp(answer->headers[i].name, JSON_LENGTH) == 0)
            return std::strtoull(answer->headers[i].value, nullptr, 10);
    return answer->size;
}

void set_contents(const char *bytes, size_t n, InferTensorContents *out) {
    auto *numbers = out->mutable_fp32_contents();

    numbers->Resize(static_cast<int>(n / sizeof(float)), 0);
    std::memcpy(numbers->mutable_data(), bytes, n / sizeof(float) * sizeof(float));
}

/* Contents in the form the request had its own. */
grpc::Status read_infer(const grpc_answer *answer, bool raw, ModelInferResponse *out) {
    const char *bytes = static_cast<const char *>(answer->body);
    size_t at = json_length(answer), i;
    json_t *root = at <= answer->size ? json_loadb(bytes, at, 0, nullptr) : nullptr, *one;
    const char *model = json_string_value(json_object_get(root, "model_name"));
    const char *id = json_string_value(json_object_get(root, "id"));
    grpc::Status status = grpc::Status::OK;

    out->set_model_name(model ? model : "");
    out->set_model_version("1");
    if (id) out->set_id(id);
    json_array_foreach(json_object_get(root, "outputs"), i, one) {
        json_t *parameters = json_object_get(one, "parameters");
        size_t n = static_cast<size_t>(
            json_integer_value(json_object_get(parameters, "binary_data_size")));
        auto *output = out->add_outputs();
        if (n > answer->size - at) break;
        json_object_del(one, "parameters"); /* of HTTP alone */
        status = message_from_json(one, output);
        if (!status.ok()) break;
        if (raw)
            out->add_raw_output_contents(bytes + at, n);
        else
            set_contents(bytes + at, n, output->mutable_contents());
        at += n;
    }
    json_decref(root);
    if (status.ok() && at != answer->size)
        status = grpc::Status(grpc::StatusCode::INTERNAL, "an answer's tensors are not whole");
    return status;
}

class KServe final : public inference::GRPCInferenceService::CallbackService {
  public:
    explicit KServe(Shared *shared) : shared_(shared) {}

    grpc::ServerUnaryReactor *ServerLive(grpc::CallbackServerContext *context,
                                         const inference::ServerLiveRequest *,
                                         inference::ServerLiveResponse *out) override {
        return get(context, "/inference.GRPCInferenceService/ServerLive", "/v2/health/live", out);
    }

    /* 503 is the answer that it is not. */
    grpc::ServerUnaryReactor *ServerReady(grpc::CallbackServerContext *context,
                                          const inference::ServerReadyRequest *,
                                          inference::ServerReadyResponse *out) override {
        return get(context, "/inference.GRPCInferenceService/ServerReady", "/v2/health/ready", out);
    }

    grpc::ServerUnaryReactor *ModelReady(grpc::CallbackServerContext *context,
                                         const inference::ModelReadyRequest *in,
                                         inference::ModelReadyResponse *out) override {
        return get(context, "/inference.GRPCInferenceService/ModelReady",
                   model_path(in->name(), in->version(), "/ready"), out);
    }

    grpc::ServerUnaryReactor *ServerMetadata(grpc::CallbackServerContext *context,
                                             const inference::ServerMetadataRequest *,
                                             inference::ServerMetadataResponse *out) override {
        return get(context, "/inference.GRPCInferenceService/ServerMetadata", "/v2", out);
    }

    grpc::ServerUnaryReactor *ModelMetadata(grpc::CallbackServerContext *context,
                                            const inference::ModelMetadataRequest *in,
                                            inference::ModelMetadataResponse *out) override {
        return get(context, "/inference.GRPCInferenceService/ModelMetadata",
                   model_path(in->name(), in->version(), ""), out);
    }

    grpc::ServerUnaryReactor *ModelInfer(grpc::CallbackServerContext *context,
                                         const ModelInferRequest *in,
                                         ModelInferResponse *out) override {
        bool raw = is_raw(*in);
        std::string fault;
        std::unique_ptr<Ask> ask =
            infer_ask(context, "/inference.GRPCInferenceService/ModelInfer", *in, &fault);
        if (!ask) return refuse(context, fault);
        grpc::ServerUnaryReactor *reactor =
            unary(shared_, context, ask.get(),
                  [raw, out](const grpc_answer *answer) { return read_infer(answer, raw, out); });
        shrink(const_cast<ModelInferRequest *>(in)); /* this call's own, until it is done */
        return reactor;
    }

    grpc::ServerBidiReactor<ModelInferRequest, inference::ModelStreamInferResponse> *
    ModelStreamInfer(grpc::CallbackServerContext *context) override {
        typedef Stream<ModelInferRequest, inference::ModelStreamInferResponse> InferStream;
        static const InferStream::Steps steps = {ask_stream, shrink, answer_stream};
        return new InferStream(shared_, context, steps);
    }

  private:
    /* What has no body. */
    grpc::ServerUnaryReactor *get(grpc::CallbackServerContext *context, const char *rpc,
                                  const std::string &path, google::protobuf::Message *out) {
        Ask ask(context, rpc, "GET", path);
        return unary(shared_, context, &ask,
                     [out](const grpc_answer *answer) { return message_from_answer(answer, out); });
    }

    static grpc::ServerUnaryReactor *refuse(grpc::CallbackServerContext *context,
                                            const std::string &why) {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, why));
        return reactor;
    }

    static std::unique_ptr<Ask> ask_stream(grpc::CallbackServerContext *context,
                                           const ModelInferRequest &in, std::string *fault) {
        return infer_ask(context, "/inference.GRPCInferenceService/ModelStreamInfer", in, fault);
    }

    static void answer_stream(const grpc_answer *answer, const ModelInferRequest &in,
                              inference::ModelStreamInferResponse *out) {
        grpc::Status status = status_of(answer);
        if (status.ok()) status = read_infer(answer, is_raw(in), out->mutable_infer_response());
        if (status.ok()) return;
        out->clear_infer_response();
        out->mutable_infer_response()->set_id(in.id()); /* which one it was */
        out->set_error_message(status.error_message());
    }

    Shared *shared_;
};

} // namespace

std::unique_ptr<grpc::Service> make_kserve(Shared *shared) {
    return std::unique_ptr<grpc::Service>(new KServe(shared));
}

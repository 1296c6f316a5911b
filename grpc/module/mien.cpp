/* mien.v1.Mien: mien's endpoints for pictures (server/apis/v1.c, recognise.c), whose routes answer.
 */
#include "grpc/module/json_message.h"
#include "grpc/module/services.h"
#include "grpc/module/stream.h"

#include <mien/v1/mien.grpc.pb.h>

namespace {

using mien::v1::Analysis;
using mien::v1::Identification;
using mien::v1::IdentifyRequest;
using mien::v1::PictureRequest;
using mien::v1::PicturesRequest;
using mien::v1::PicturesResponse;

const char STREAM[] = "/mien.v1.Mien/Pictures";

/* What IdentifyRequest and PictureRequest have in common. */
template <class Request>
std::unique_ptr<Ask> picture_ask(grpc::CallbackServerContext *context, const char *rpc,
                                 std::string path, const Request &in) {
    std::unique_ptr<Ask> ask(new Ask(context, rpc, "POST", std::move(path)));

    ask->arguments_of(in.options());
    ask->header("content-type", "application/octet-stream");
    ask->piece(in.picture());
    return ask;
}

std::string identify_path(const IdentifyRequest &in) {
    return "/v1/collections/" +
           path_segment(in.collection().empty() ? "default" : in.collection()) + "/identify";
}

/* A picture that was begun is the program's: with a copy here it would be there twice. */
template <class Request> void shrink_picture(Request *in) {
    std::string().swap(*in->mutable_picture());
}

class Mien final : public mien::v1::Mien::CallbackService {
  public:
    explicit Mien(Shared *shared) : shared_(shared) {}

    grpc::ServerUnaryReactor *Analyze(grpc::CallbackServerContext *context,
                                      const PictureRequest *in, Analysis *out) override {
        return ask(context, "/mien.v1.Mien/Analyze", "/v1/analyze", in, out);
    }

    grpc::ServerUnaryReactor *Detect(grpc::CallbackServerContext *context, const PictureRequest *in,
                                     Analysis *out) override {
        return ask(context, "/mien.v1.Mien/Detect", "/v1/detect", in, out);
    }

    grpc::ServerUnaryReactor *Embed(grpc::CallbackServerContext *context, const PictureRequest *in,
                                    Analysis *out) override {
        return ask(context, "/mien.v1.Mien/Embed", "/v1/embed", in, out);
    }

    grpc::ServerUnaryReactor *Classify(grpc::CallbackServerContext *context,
                                       const PictureRequest *in, Analysis *out) override {
        return ask(context, "/mien.v1.Mien/Classify", "/v1/classify", in, out);
    }

    grpc::ServerUnaryReactor *Identify(grpc::CallbackServerContext *context,
                                       const IdentifyRequest *in, Identification *out) override {
        return ask(context, "/mien.v1.Mien/Identify", identify_path(*in), in, out);
    }

    grpc::ServerBidiReactor<PicturesRequest, PicturesResponse> *
    Pictures(grpc::CallbackServerContext *context) override {
        typedef Stream<PicturesRequest, PicturesResponse> PictureStream;
        static const PictureStream::Steps steps = {ask_stream, shrink_stream, answer_stream};
        return new PictureStream(shared_, context, steps);
    }

  private:
    template <class Request, class Response>
    grpc::ServerUnaryReactor *ask(grpc::CallbackServerContext *context, const char *rpc,
                                  const std::string &path, const Request *in, Response *out) {
        std::unique_ptr<Ask> ask = picture_ask(context, rpc, path, *in);
        grpc::ServerUnaryReactor *reactor =
            unary(shared_, context, ask.get(),
                  [out](const grpc_answer *answer) { return message_from_answer(answer, out); });
        shrink_picture(const_cast<Request *>(in)); /* this call's own, until it is done */
        return reactor;
    }

    static std::unique_ptr<Ask> ask_stream(grpc::CallbackServerContext *context,
                                           const PicturesRequest &in, std::string *fault) {
        switch (in.wanted_case()) {
        case PicturesRequest::kAnalyze:
            return picture_ask(context, STREAM, "/v1/analyze", in.analyze());
        case PicturesRequest::kDetect:
            return picture_ask(context, STREAM, "/v1/detect", in.detect());
        case PicturesRequest::kEmbed: return picture_ask(context, STREAM, "/v1/embed", in.embed());
        case PicturesRequest::kClassify:
            return picture_ask(context, STREAM, "/v1/classify", in.classify());
        case PicturesRequest::kIdentify:
            return picture_ask(context, STREAM, identify_path(in.identify()), in.identify());
        default:
            *fault = "a message of Pictures says what is wanted: analyze, detect, embed, "
                     "classify or identify";
        }
        return nullptr;
    }

    static void shrink_stream(PicturesRequest *in) {
        switch (in->wanted_case()) {
        case PicturesRequest::kAnalyze: shrink_picture(in->mutable_analyze()); break;
        case PicturesRequest::kDetect: shrink_picture(in->mutable_detect()); break;
        case PicturesRequest::kEmbed: shrink_picture(in->mutable_embed()); break;
        case PicturesRequest::kClassify: shrink_picture(in->mutable_classify()); break;
        case PicturesRequest::kIdentify: shrink_picture(in->mutable_identify()); break;
        default: break;
        }
    }

    static std::string id_of(const PicturesRequest &in) {
        switch (in.wanted_case()) {
        case PicturesRequest::kAnalyze: return in.analyze().id();
        case PicturesRequest::kDetect: return in.detect().id();
        case PicturesRequest::kEmbed: return in.embed().id();
        case PicturesRequest::kClassify: return in.classify().id();
        case PicturesRequest::kIdentify: return in.identify().id();
        default: return "";
        }
    }

    static void answer_stream(const grpc_answer *answer, const PicturesRequest &in,
                              PicturesResponse *out) {
        bool identified = in.wanted_case() == PicturesRequest::kIdentify;
        grpc::Status status = status_of(answer);

        out->set_id(id_of(in));
        if (status.ok() && identified)
            status = message_from_answer(answer, out->mutable_identification());
        else if (status.ok())
            status = message_from_answer(answer, out->mutable_analysis());
        if (status.ok()) return;
        out->mutable_error()->set_status(static_cast<int>(status.error_code()));
        out->mutable_error()->set_code(answer->code ? answer->code : "internal");
        out->mutable_error()->set_message(status.error_message());
    }

    Shared *shared_;
};

} // namespace

std::unique_ptr<grpc::Service> make_mien(Shared *shared) {
    return std::unique_ptr<grpc::Service>(new Mien(shared));
}

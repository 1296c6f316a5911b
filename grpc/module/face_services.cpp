/* The services that look at a picture for others, and the one that stores results
 * (docs/services.md): `mien service` has a route for each. */
#include "grpc/module/ask.h"
#include "grpc/module/json_message.h"
#include "grpc/module/services.h"

#include <age_gender.grpc.pb.h>
#include <aggregator.grpc.pb.h>
#include <landmark_detection.grpc.pb.h>

namespace {

/* The picture's name is an argument, its bytes are the body. */
template <class Request, class Response>
grpc::ServerUnaryReactor *look(Shared *shared, grpc::CallbackServerContext *context,
                               const char *rpc, const char *path, const Request *in,
                               Response *out) {
    Ask ask(context, rpc, "POST", path);

    ask.argument("image_id", in->image_id());
    ask.header("content-type", "application/octet-stream");
    ask.piece(in->image_data());
    return unary(shared, context, &ask,
                 [out](const grpc_answer *answer) { return message_from_answer(answer, out); });
}

class LandmarkDetection final : public landmark_detection::LandmarkDetection::CallbackService {
  public:
    explicit LandmarkDetection(Shared *shared) : shared_(shared) {}

    grpc::ServerUnaryReactor *DetectLandmarks(grpc::CallbackServerContext *context,
                                              const landmark_detection::ImageRequest *in,
                                              landmark_detection::LandmarkResponse *out) override {
        return look(shared_, context, "/landmark_detection.LandmarkDetection/DetectLandmarks",
                    "/services/face-landmark", in, out);
    }

  private:
    Shared *shared_;
};

class AgeGender final : public age_gender::AgeGenderEstimation::CallbackService {
  public:
    explicit AgeGender(Shared *shared) : shared_(shared) {}

    grpc::ServerUnaryReactor *EstimateAgeGender(grpc::CallbackServerContext *context,
                                                const age_gender::ImageRequest *in,
                                                age_gender::AgeGenderResponse *out) override {
        return look(shared_, context, "/age_gender.AgeGenderEstimation/EstimateAgeGender",
                    "/services/age-gender", in, out);
    }

  private:
    Shared *shared_;
};

class Aggregator final : public aggregator::DataAggregator::CallbackService {
  public:
    explicit Aggregator(Shared *shared) : shared_(shared) {}

    grpc::ServerUnaryReactor *AggregateData(grpc::CallbackServerContext *context,
                                            const aggregator::AggregateRequest *in,
                                            aggregator::AggregateResponse *out) override {
        Ask ask(context, "/aggregator.DataAggregator/AggregateData", "POST",
                "/services/data-storage");
        ask.argument("image_id", in->image_id());
        ask.argument("redis_key", in->redis_key());
        if (in->image_read_ns() > 0)
            ask.argument("image_read_ns", std::to_string(in->image_read_ns()));
        return unary(shared_, context, &ask,
                     [out](const grpc_answer *answer) { return message_from_answer(answer, out); });
    }

  private:
    Shared *shared_;
};

} // namespace

std::unique_ptr<grpc::Service> make_landmark_detection(Shared *shared) {
    return std::unique_ptr<grpc::Service>(new LandmarkDetection(shared));
}

std::unique_ptr<grpc::Service> make_age_gender(Shared *shared) {
    return std::unique_ptr<grpc::Service>(new AgeGender(shared));
}

std::unique_ptr<grpc::Service> make_aggregator(Shared *shared) {
    return std::unique_ptr<grpc::Service>(new Aggregator(shared));
}

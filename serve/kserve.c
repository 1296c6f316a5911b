#include "serve/handlers.h"
void handle_kserve_server(struct request *r) {
    reply_error(r, 501, "x", "x");
}
void handle_kserve_live(struct request *r) {
    reply_error(r, 501, "x", "x");
}
void handle_kserve_ready(struct request *r) {
    reply_error(r, 501, "x", "x");
}
void handle_kserve_model(struct request *r) {
    reply_error(r, 501, "x", "x");
}
void handle_kserve_model_ready(struct request *r) {
    reply_error(r, 501, "x", "x");
}
void handle_kserve_infer(struct request *r) {
    reply_error(r, 501, "x", "x");
}

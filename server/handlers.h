/*
 * handlers.h - the endpoints, a function each; route.c's table says where they are.
 *
 * Each leaves a reply in the request. Those of pictures run on a worker thread, the others on the
 * network thread. Shapes of requests and answers are in server/web/openapi.json.
 */
#ifndef MIEN_SERVER_HANDLERS_H
#define MIEN_SERVER_HANDLERS_H

#include "server/request.h"

void handle_health(struct request *r);
void handle_ready(struct request *r);
void handle_metrics(struct request *r);
void handle_asset(struct request *r);

/* The shapes of the services mien replaces. */
void handle_predict(struct request *r);
void handle_faces_from_files(struct request *r);
void handle_faces_from_base64(struct request *r);
void handle_faces_from_urls(struct request *r);

void handle_v1_analyze(struct request *r);
void handle_v1_detect(struct request *r);
void handle_v1_embed(struct request *r);
void handle_v1_classify(struct request *r);
void handle_v1_compare(struct request *r);

/* KServe's Open Inference Protocol, version 2. */
void handle_kserve_server(struct request *r);
void handle_kserve_live(struct request *r);
void handle_kserve_ready(struct request *r);
void handle_kserve_model(struct request *r);
void handle_kserve_model_ready(struct request *r);
void handle_kserve_infer(struct request *r);

#endif

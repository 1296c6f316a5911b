#include "faces.h"

#include <string.h>

/* ArcFace's template: where the landmarks of an aligned crop are (InsightFace, face_align.py). */
static const float TEMPLATE[5][2] = {{38.2946f, 51.6963f},
                                     {73.5318f, 51.5014f},
                                     {56.0252f, 71.7366f},
                                     {41.5493f, 92.3655f},
                                     {70.7299f, 92.2041f}};

const char *const FACE_PICK_NAMES[] = {"all", "largest", "centre", NULL};

static float box_area(const mien_face *f) {
    return (f->box[2] - f->box[0]) * (f->box[3] - f->box[1]);
}

/* Distance of the box's middle from the picture's, squared, four times. */
static float off_centre(const mien_face *f, int width, int height) {
    float dx = f->box[0] + f->box[2] - (float)width;
    float dy = f->box[1] + f->box[3] - (float)height;

    return dx * dx + dy * dy;
}

int faces_pick(mien_face *faces, int n, enum face_pick pick, int width, int height) {
    int best = 0;

    if (pick == FACE_ALL || n < 2) return n;
    for (int i = 1; i < n; i++) {
        if (pick == FACE_LARGEST
                ? box_area(&faces[i]) > box_area(&faces[best])
                : off_centre(&faces[i], width, height) < off_centre(&faces[best], width, height))
            best = i;
    }
    faces[0] = faces[best];
    return 1;
}

mien_face faces_of_crop(void) {
    mien_face face = {.box = {0, 0, FACES_CROP, FACES_CROP}, .score = 1};

    memcpy(face.landmarks, TEMPLATE, sizeof TEMPLATE);
    return face;
}

void faces_copy_crop(const mien_image *image, uint8_t *crop) {
    for (int y = 0; y < FACES_CROP; y++)
        memcpy(crop + (size_t)y * FACES_CROP * 3, image->pixels + y * image->pitch, FACES_CROP * 3);
}

float faces_above_zero(double v) {
    return v > 0 ? (float)v : 1e-9f;
}

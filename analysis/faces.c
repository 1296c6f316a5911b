#include "analysis/faces.h"

#include <string.h>

const char *const FACE_PICK_NAMES[] = {"all", "main", "largest", "centre", NULL};
const char *const FACE_SEARCH_NAMES[] = {"fast", "auto", "thorough", NULL};

static float box_area(const mien_face *f) {
    return (f->box[2] - f->box[0]) * (f->box[3] - f->box[1]);
}

/* Distance of the box's middle from the picture's, squared, four times. */
static float off_centre(const mien_face *f, int width, int height) {
    float dx = f->box[0] + f->box[2] - (float)width;
    float dy = f->box[1] + f->box[3] - (float)height;

    return dx * dx + dy * dy;
}

static int best_face(const mien_face *faces, int n, enum face_pick pick, int width, int height) {
    int best = 0;

    if (pick == FACE_MAIN) return mien_main_face(faces, n, width, height);
    for (int i = 1; i < n; i++) {
        if (pick == FACE_LARGEST
                ? box_area(&faces[i]) > box_area(&faces[best])
                : off_centre(&faces[i], width, height) < off_centre(&faces[best], width, height))
            best = i;
    }
    return best;
}

int faces_pick(mien_face *faces, int n, enum face_pick pick, int width, int height) {
    if (pick == FACE_ALL || n < 2) return n;
    faces[0] = faces[best_face(faces, n, pick, width, height)];
    return 1;
}

void faces_copy_crop(const mien_image *image, uint8_t *crop) {
    for (int y = 0; y < MIEN_CROP_SIDE; y++)
        memcpy(crop + (size_t)y * MIEN_CROP_SIDE * 3, image->pixels + y * image->pitch,
               MIEN_CROP_SIDE * 3);
}

float faces_above_zero(double v) {
    return v > 0 ? (float)v : 1e-9f;
}

float faces_area(const mien_face *face) {
    return (face->box[2] - face->box[0]) * (face->box[3] - face->box[1]);
}

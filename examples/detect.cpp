// Finds the faces of a picture, in C++: objects that free themselves, failures that are exceptions.
// usage: detect PICTURE
// c++ -std=c++11 detect.cpp $(pkg-config --cflags --libs mien) -o detect
#include <cstdio>
#include <memory>
#include <mien.h>
#include <stdexcept>
#include <vector>

namespace {

struct Free {
    void operator()(mien_ctx *ctx) const { mien_close(ctx); }
    void operator()(mien_net *net) const { mien_net_free(net); }
    void operator()(mien_image *image) const { mien_image_free(image); }
};
using Context = std::unique_ptr<mien_ctx, Free>;
using Network = std::unique_ptr<mien_net, Free>;
using Image = std::unique_ptr<mien_image, Free>;

void check(int rc) {
    if (rc) throw std::runtime_error(mien_error());
}

Context open() {
    mien_ctx *ctx;
    check(mien_open(nullptr, &ctx));
    return Context(ctx);
}

Network load_network(const Context &ctx, const char *name) {
    mien_net *net;
    check(mien_net_load(ctx.get(), name, &net));
    return Network(net);
}

Image load_image(const char *path) {
    mien_image *image;
    check(mien_image_load(nullptr, path, nullptr, &image));
    return Image(image);
}

std::vector<mien_face> detect(const Network &detector, const Image &image) {
    std::vector<mien_face> faces(64);
    const mien_image *one = image.get();
    int n;
    check(mien_detect(detector.get(), &one, 1, nullptr, (int)faces.size(), faces.data(), &n));
    faces.resize((size_t)n);
    return faces;
}

} // namespace

int main(int argc, char **argv) try {
    if (argc != 2) return std::fprintf(stderr, "usage: detect PICTURE\n"), 2;
    Context ctx = open(); // networks are freed before it: C++ destroys in reverse order
    Network detector = load_network(ctx, "retinaface-mnet025-v2");
    for (const mien_face &f : detect(detector, load_image(argv[1])))
        std::printf("%.1f %.1f %.1f %.1f  %.3f\n", f.box[0], f.box[1], f.box[2], f.box[3], f.score);
    return 0;
} catch (const std::exception &e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
}

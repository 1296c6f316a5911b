/*
 * mien.h - find faces, recognise them, read their attributes, classify images.
 *
 * This is the only public header of libmien. The library is a hand-written inference engine: no ML
 * runtime stands behind it, and no type of the engine leaks through here, so a program compiled
 * against this header keeps working when kernels, backends or networks change.
 *
 * Conventions
 *   - Functions that return int return MIEN_OK (0) or a negative MIEN_E* code, unless they say
 *     otherwise. On failure nothing is leaked, output pointers are set to NULL and output counts to
 *     0; mien_error() holds one sentence that says which file, tensor, image or argument was wrong.
 *     What is in other output arrays then is undefined. Functions name the codes that tell
 *     something; any may also fail with MIEN_EINVAL, MIEN_ENOMEM and, on a GPU, MIEN_EDEVICE.
 *   - Pointers must not be NULL unless the function says so: where one is, functions that return a
 *     code return MIEN_EINVAL, others NULL, 0 or nothing done. Arrays of 0 items may be NULL, and
 * no items are no error, unless the function says so.
 *   - Images are 8-bit RGB, 3 bytes a pixel. Coordinates are pixels of the upright original
 *     image (EXIF orientation applied): x to the right, y down, 0,0 the outer corner of the
 *     top left pixel, so a box that covers the whole image is 0,0,width,height.
 *   - Arrays are owned by whoever allocated them: result arrays are the caller's, sized as each
 *     function says. An object made by a mien_*_open, _load, _decode, _new or _from call is freed
 *     by the matching mien_*_close or _free. Strings in structs belong to what the struct tells of.
 *   - Structs that a program makes begin with struct_size, which it sets to sizeof of the struct
 *     before anything else: `mien_net_info info = {.struct_size = sizeof info};`. A program
 *     compiled against this header then keeps working when a later library knows more members: it
 *     sees nothing of them, and in what it asks for they are 0. One compiled against a later header
 *     works with this library as long as members it does not know are 0. A struct_size of 0 is
 *     MIEN_EINVAL, and so is a member that is set and unknown. The exceptions come in arrays and
 *     never grow: mien_face, mien_class, mien_tensor.
 *   - A context and its networks may be used by any number of threads at once, an image by any
 *     number that only read it. They may be freed in any order: what is left of a closed context
 *     stays until the last of its networks has gone.
 *   - Results do not depend on the batch or on the number of threads, bit for bit. On a GPU a sum
 *     may be cut differently in a batch of another size: the same run gives the same bits, another
 *     batch differs by rounding.
 *
 * The whole of a program (examples/detect.c is this, complete):
 *
 *     mien_ctx *ctx; mien_net *det; mien_image *img; mien_face faces[64]; int n;
 *     if (mien_open(NULL, &ctx) || mien_net_load(ctx, "retinaface-mnet025-v2", &det) ||
 *         mien_image_load(ctx, "photo.jpg", NULL, &img) ||
 *         mien_detect(det, (const mien_image *const *)&img, 1, NULL, 64, faces, &n))
 *         return fprintf(stderr, "%s\n", mien_error()), 1;
 *     for (int i = 0; i < n; i++)
 *         printf("%.1f %.1f %.1f %.1f  %.3f\n", faces[i].box[0], faces[i].box[1],
 *                faces[i].box[2], faces[i].box[3], faces[i].score);
 *     mien_image_free(img); mien_net_free(det); mien_close(ctx);
 */
#ifndef MIEN_H
#define MIEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(MIEN_BUILDING) && defined(__GNUC__)
#define MIEN_API __attribute__((visibility("default")))
#else
#define MIEN_API
#endif

#define MIEN_VERSION_MAJOR 0
#define MIEN_VERSION_MINOR 1
#define MIEN_VERSION_PATCH 0
#define MIEN_VERSION       "0.1.0"

enum {
    MIEN_OK = 0,
    MIEN_EINVAL = -1,       /* an argument is out of range or contradicts another */
    MIEN_ENOMEM = -2,       /* memory could not be allocated */
    MIEN_EIO = -3,          /* a file is missing or could not be read or written */
    MIEN_EFORMAT = -4,      /* bytes are not an image of a format we read, or a broken one */
    MIEN_EWEIGHTS = -5,     /* a blob is broken, or is not the network it was used as */
    MIEN_EUNSUPPORTED = -6, /* a precision, size or feature this build does not have */
    MIEN_EDEVICE = -7,      /* the device asked for is not there or failed */
    MIEN_ETOOBIG = -8       /* an image or request is over a limit */
};

/* The version of the library that runs, "major.minor.patch". Never NULL. */
MIEN_API const char *mien_version(void);
/* A short name for a code ("file error"); "unknown error" for others. Never NULL, static. */
MIEN_API const char *mien_strerror(int code);
/* One sentence about the last call that failed in this thread; "" where none did. Never NULL; the
 * text stays valid until the next failure in this thread. */
MIEN_API const char *mien_error(void);

/* A context: threads, or a device, and the kernels that run there. */
typedef struct mien_ctx mien_ctx;
/* A network: its weights, ready to run on one context. */
typedef struct mien_net mien_net;

enum mien_device { MIEN_DEVICE_CPU = 0, MIEN_DEVICE_CUDA = 1 };
enum mien_precision { MIEN_FP32 = 0, MIEN_BF16 = 1, MIEN_INT8 = 2, MIEN_FP16 = 3 };

typedef struct mien_options {
    size_t struct_size;
    enum mien_device device;
    int device_index; /* which CUDA device; 0 on the CPU */
    /* What networks compute in, unless the kernels are faster in fp32 (avx2, avx512 without VNNI or
     * BF16, blas): then it stays fp32, which is never less exact, and mien_backend_name()
     * says so. MIEN_INT8 needs calibrated networks (MIEN_EUNSUPPORTED; the default ones are).
     * MIEN_FP16 is for GPUs, which have no MIEN_BF16. MIEN_FP32 is the default. */
    enum mien_precision precision;
    int threads;             /* worker threads; 0: one a core this process may run on */
    const char *weights_dir; /* where names are looked up; NULL: $MIEN_WEIGHTS, else
                                $XDG_DATA_HOME/mien, else ~/.local/share/mien */
    const char *backend;     /* kernels: NULL: $MIEN_CPU, else the best this processor has; "amx",
                                "amx-bf16x3" (AMX for fp32, too, with errors of some 1e-5),
                                "avx512", "avx2", "blas" (OpenBLAS) or "c" (plain C). On a GPU:
                                NULL: the best it has; "wgmma" (Hopper's), "mma", "plain", or
                                "cudnn": convolutions by NVIDIA's cuDNN 9 and cuBLASLt where
                                they are installed (MIEN_EDEVICE where not) and take a layer */
    int no_pack_cache;       /* 1: packed weights are neither kept in files nor taken from them. By
                                default the first load of a blob writes
                                <name>.<kernels>-<precision>.packed beside it, or into
                                $XDG_CACHE_HOME/mien (~/.cache/mien) where its folder cannot be
                                written, and later loads read that file instead of packing again.
                                Such files may be deleted at any time. */
    size_t memory;           /* bytes that what runs networks (plans: activations, scratch, outputs)
                                may take of the host's memory, all networks of the context together;
                                packed weights come on top. Where it is short, fewer images are run
                                at a time, and threads wait for each other; MIEN_ETOOBIG where one
                                image does not fit. 0: half of mien_memory(). Between calls less is
                                kept: of each network what ran last, and of all others 256 MB, or
                                64 MB a thread where that is more; the rest goes back to the system */
} mien_options;

/* The names mien_options.backend takes in this build, a processor's, fastest first, before a GPU's,
 * whether or not this machine has them; NULL past the end. */
MIEN_API const char *mien_backend_at(int i);
/* Cores this process may run on: what the affinity of its threads and the quota of its control
 * group (a container's limit) leave of the machine's. A context with 0 threads starts as many. */
MIEN_API int mien_cores(void);
/* Bytes of memory this process may use: the machine's, or the limit of its control group. */
MIEN_API size_t mien_memory(void);
/* Fills *opt with the defaults, which are zeros, and its struct_size with size: sizeof *opt. */
MIEN_API void mien_options_default(mien_options *opt, size_t size);
/* Opens a context: threads and backend. opt may be NULL for the defaults; its strings are not kept.
 * MIEN_EINVAL where a member is out of range or this processor has no such kernels, MIEN_EDEVICE
 * where the device is not there, MIEN_EUNSUPPORTED where it cannot do the precision. Free with
 * mien_close(). */
MIEN_API int mien_open(const mien_options *opt, mien_ctx **out);
/* Closes the context; NULL is allowed. Its memory and threads stay until the last of its networks,
 * and of the images that have a copy on its device, has been freed. */
MIEN_API void mien_close(mien_ctx *ctx);
/* Bytes that plans take now, in use and kept: of a GPU's memory on one, else of
 * mien_options.memory.
 */
MIEN_API size_t mien_memory_used(mien_ctx *ctx);
/* The folder that names of networks are looked up in; owned by the context. */
MIEN_API const char *mien_weights_dir(const mien_ctx *ctx);
/* What runs, e.g. "cpu blas (OpenBLAS 0.3.21 SkylakeX), 2 threads"; owned by the context. */
MIEN_API const char *mien_backend_name(const mien_ctx *ctx);

/* What a network is for. A library may know more tasks than have names here:
 * mien_task_info_get(). */
enum mien_task {
    MIEN_TASK_RAW = 0,    /* nothing the library knows: mien_run() gives its outputs as they are */
    MIEN_TASK_DETECT = 1, /* image -> faces */
    MIEN_TASK_EMBED,      /* face -> embedding */
    MIEN_TASK_ATTRIBUTES, /* face -> age, gender, ...: whatever its blob says */
    MIEN_TASK_CLASSIFY,   /* image -> class probabilities */
    MIEN_TASK_LANDMARKS   /* face -> points of it and how it is turned, as attributes */
};
/* What a task works on, one at a time. */
enum mien_item { MIEN_ITEM_IMAGE, MIEN_ITEM_FACE };
/* What comes out of it, and which function gives it. */
enum mien_result {
    MIEN_RESULT_FACES,      /* mien_detect() */
    MIEN_RESULT_EMBEDDING,  /* mien_embed(), mien_embed_faces() */
    MIEN_RESULT_ATTRIBUTES, /* mien_attributes() */
    MIEN_RESULT_CLASSES,    /* mien_classify() */
    MIEN_RESULT_OUTPUTS     /* mien_run() */
};

/* A task, as data: what programs need to offer it without knowing it. All strings are static. */
typedef struct mien_task_info {
    size_t struct_size;
    enum mien_task task;
    enum mien_item item;
    enum mien_result result;
    const char *name; /* "detect"; also what a blob's metadata calls it */
    const char *verb; /* "detect faces": what its networks can do */
    /* What programs call the network that does it: an option ("detector", "age-gender"), the option
     * in a sentence ("finds the faces"), and the stage of their work that it is ("detect",
     * "age_gender": a key of JSON). */
    const char *option, *help, *stage;
    const char *default_network; /* a name for mien_net_load(); NULL: there is none */
} mien_task_info;
/* Fills *info for a task. Tasks are numbered from 1 without gaps, as enum mien_task has them;
 * MIEN_TASK_RAW is none of them.
 * MIEN_EINVAL where there is none of that number, by which a loop over all ends. */
MIEN_API int mien_task_info_get(int task, mien_task_info *info);

/* What a network, or a blob, is. Strings belong to it. */
typedef struct mien_net_info {
    size_t struct_size;
    const char *name, *arch; /* e.g. "resnet50-imagenet", "resnet"; "" where unknown */
    enum mien_task task;
    int width, height;    /* default input size, pixels; of features_of: of the value it reads */
    int dynamic_size;     /* 1: any size of at least 32x32 pixels may be run; 0: only the default */
    int embedding_size;   /* values of an embedding; 0 for other tasks */
    int classes;          /* number of classes; 0 for other tasks */
    int attributes;       /* number of attributes (mien_attribute_at); 0 for other tasks */
    int attribute_values; /* values that mien_attributes() gives an item; 0 for other tasks */
    float same_person;    /* mien_similarity() from which an embedder's two faces are called one
                             person: measured for the network where its blob says so, else 0.4;
                             0 for other tasks */
    const char *license;  /* "" where the blob does not say */
    const char *source;   /* where the weights come from; "" where unknown */
    const char *accuracy; /* a figure and how it was measured; "" where unknown */
    int calibrated;       /* 1: can be run in MIEN_INT8 */
    uint64_t parameters;  /* number of weights */
    uint64_t file_bytes;  /* size of the blob */
    const char *features_of; /* "mobilefacenet-192@conv_6_dw": the network and the value inside it
                                that this one reads instead of images; "" for others */
    int channels;            /* of its input: 3, or those of that value */
} mien_net_info;

/*
 * Loads a network from a blob (safetensors with mien's metadata, made by weights_convert).
 * name_or_path: a path where it contains '/' or ends in ".safetensors"; else a name, looked up as
 * <weights_dir>/<name>.safetensors, else among the networks that come with mien: they lie where the
 * program or libmien.so is installed, else in mien/networks of a folder of $XDG_DATA_DIRS
 * (/usr/local/share:/usr/share). The blob is checked whole before use: MIEN_EIO where it is
 * missing, MIEN_EWEIGHTS where it is broken, MIEN_EUNSUPPORTED where the context's precision needs
 * what it lacks. Free with mien_net_free().
 *
 * A network that reads a value inside another one (mien_net_info.features_of) brings that along:
 * the one of that name that is open in the context, else the one in the weights folder, which stays
 * until the last that reads it has been freed. MIEN_EWEIGHTS where it is not the file the network
 * was made for, or has no such value.
 *
 * "A+B" of two embedders, each a name or a path, is one embedder of both, where no network is
 * called so: each runs, and an embedding is that of A and that of B behind each other, times the
 * root of one half, so that the similarity of two faces is the mean of both (mien_embed_norms()
 * gives A's lengths). It tells people apart better than either (docs/thresholds.md). It has no
 * layers of its own: what asks about them (mien_run, mien_net_plan, ...) is MIEN_EINVAL.
 */
MIEN_API int mien_net_load(mien_ctx *ctx, const char *name_or_path, mien_net **out);
/* The networks that name_or_path stands for: of "A+B" (mien_net_load) A is part 0 and B is part 1,
 * any other is its own part 0. The caller frees *part with free(). MIEN_EINVAL where there is no
 * such part. */
MIEN_API int mien_net_part(const mien_ctx *ctx, const char *name_or_path, int i, char **part);
/* Frees the network and all that belongs to it; NULL is allowed. No call may be using it. */
MIEN_API void mien_net_free(mien_net *net);
/*
 * The networks in the context's weights folder, and those that come with mien: *names becomes an
 * array of names as mien_net_load() takes them, sorted by their bytes and ended by NULL. Every
 * <name>.safetensors counts whose name does not begin with a dot; whether it can be loaded is not
 * looked at. Array and names are one allocation, which the caller frees with free(). A folder that
 * is not there holds none. MIEN_EIO where it cannot be read.
 */
MIEN_API int mien_net_list(const mien_ctx *ctx, char ***names);
/* The file that mien_net_load() would open for name_or_path, whether or not it is there. The caller
 * frees *path with free(). */
MIEN_API int mien_net_path(const mien_ctx *ctx, const char *name_or_path, char **path);
/* Fills *info. */
MIEN_API int mien_net_info_get(const mien_net *net, mien_net_info *info);
/* Seconds a network's calls have spent on images since it was loaded (mien_detect, mien_embed,
 * ...; not mien_run), of all threads that worked on images of their own together, and how much they
 * ran it on. The difference of two readings tells how the time of the calls between them divides.
 */
typedef struct mien_times {
    size_t struct_size;
    double input;   /* scaling images to where the network reads them */
    double network; /* running it */
    double results; /* making results of its outputs: boxes, suppression, sorting. A GPU does most
                       of that, of scaling and of aligning itself: there it is part of network */
    double align;   /* mien_embed_faces: aligning faces; not part of input */
    double pixels;  /* of all inputs it was run on, their borders too: what the calls cost, however
                       busy the machine is */
} mien_times;
/* Fills *times. */
MIEN_API int mien_net_times(mien_net *net, mien_times *times);

/* A file of weights that is only looked at: no context is needed, and nothing can be run. Strings
 * that it gives belong to it. */
typedef struct mien_blob mien_blob;
typedef struct mien_blob_tensor {
    size_t struct_size;
    const char *name;
    const char *dtype; /* "F32", "F16" */
    int dims;          /* 0..8: how many of shape are used */
    int64_t shape[8];
} mien_blob_tensor;
/* Opens and checks a file by its path. MIEN_EIO, MIEN_EWEIGHTS. Free with mien_blob_close(). */
MIEN_API int mien_blob_open(const char *path, mien_blob **out);
/* NULL is allowed. */
MIEN_API void mien_blob_close(mien_blob *blob);
/* Fills *info as mien_net_info_get() would. MIEN_EWEIGHTS where it is no network of ours. */
MIEN_API int mien_blob_info(const mien_blob *blob, mien_net_info *info);
/* A value inside a network that others may read, by its name in features_of. */
typedef struct mien_value {
    size_t struct_size;
    const char *name;            /* "conv_6_dw" */
    int width, height, channels; /* at the default input size */
} mien_value;
/* Fills *value for value i, in the order they are computed; MIEN_EINVAL past the last, by which a
 * loop over all ends. MIEN_EWEIGHTS where it is no network of ours. */
MIEN_API int mien_blob_value_at(mien_blob *blob, int i, mien_value *value);
/* Metadata by key ("license", "source", "arch", ...); NULL where absent. */
MIEN_API const char *mien_blob_meta(const mien_blob *blob, const char *key);
/* The number of tensors. */
MIEN_API int mien_blob_tensors(const mien_blob *blob);
/* Fills *t for tensor i, in order of name. MIEN_EINVAL where i is not 0 .. count - 1. */
MIEN_API int mien_blob_tensor_at(const mien_blob *blob, int i, mien_blob_tensor *t);

/* Name and WordNet id of class i of a classifier, owned by it; NULL where its blob does not say, i
 * is out of range, or the network is no classifier. */
MIEN_API const char *mien_class_label(const mien_net *net, int i);
MIEN_API const char *mien_class_wnid(const mien_net *net, int i);

/*
 * Calibration for int8: between begin and save, every run of the network (mien_detect, mien_embed,
 * mien_run, ...) is measured; save then writes a copy of its blob to path with the ranges it saw,
 * and ends the calibration, also where it fails. No run may be under way when it begins or ends.
 * path may be the file the network was loaded from, which is replaced whole or not at all; the
 * loaded network stays as it was. A few hundred images of the kind the network is for are enough.
 * The context must compute in MIEN_FP32 (MIEN_EINVAL); a network may be calibrated once at a time.
 * Save is MIEN_EINVAL where nothing ran, MIEN_EIO where path cannot be written.
 */
MIEN_API int mien_calibrate_begin(mien_net *net);
MIEN_API int mien_calibrate_save(mien_net *net, const char *path);

/* A plan is what runs one network at one batch and size; it is made on first use and kept as long
 * as mien_options.memory has room for it. */
typedef struct mien_plan_info {
    size_t struct_size;
    int batch, width, height; /* images, and pixels of each */
    int steps;
    uint64_t macs;           /* multiply-accumulates for the whole batch */
    uint64_t weight_bytes;   /* packed weights, which all plans of the network share */
    uint64_t arena_bytes;    /* activations, after the memory planner, of all images that are
                                worked on at the same time */
    uint64_t no_reuse_bytes; /* what these would take without reuse */
    uint64_t scratch_bytes;  /* per-thread scratch, all threads together */
} mien_plan_info;
/* Makes what a run of `batch` images of width x height pixels needs now instead of in the first
 * run, and fills *info (may be NULL). On a CPU a batch of as many images as the context has
 * threads, or more, is run an image a thread (see mien_run). MIEN_EINVAL where the network cannot
 * be run at that size, MIEN_ETOOBIG where it would take absurd memory, or more than
 * mien_options.memory. */
MIEN_API int mien_net_plan(mien_net *net, int batch, int width, int height, mien_plan_info *info);
/*
 * Seconds that a run of this batch takes on a GPU alone, by the GPU's own clock: without the copies
 * of input and outputs and without what the host does. The mean of `runs` (1 and more) back to
 * back, on the input of the last mien_run() of this batch and size. *seconds is 0 on failure.
 * MIEN_EUNSUPPORTED on a CPU, where there is no such difference.
 */
MIEN_API int mien_net_device_time(mien_net *net, int batch, int width, int height, int runs,
                                  double *seconds);
/* The plan as text for people, a line a step: op, shapes, algorithm, fused parts, arena offsets;
 * the plan of one image where the batch is run an image a thread. The caller frees *text with
 * free(). */
MIEN_API int mien_net_plan_text(mien_net *net, int batch, int width, int height, char **text);

typedef struct mien_tensor {
    const char *name; /* output name as in mien_net_output_name; ignored for the input */
    int n, h, w, c;   /* images, rows, columns, channels; h = w = 1 for vectors */
    float *data;      /* [n][h][w][c], host memory of the caller */
} mien_tensor;

/* The number of outputs. */
MIEN_API int mien_net_outputs(const mien_net *net);
/* The name of output i, owned by the network; NULL out of range. Detectors have "score_<stride>",
 * "box_<stride>", "landmark_<stride>" for strides 8, 16, 32, classifiers "prob", embedders
 * "embedding", others what docs/blob.md says of their arch. */
MIEN_API const char *mien_net_output_name(const mien_net *net, int i);
/* Shape of output i for a batch and an input of width x height pixels: fills n, h, w, c and name,
 * leaves data alone. MIEN_EINVAL where there is no such output or the size cannot be run. */
MIEN_API int mien_net_output_shape(mien_net *net, int i, int batch, int width, int height,
                                   mien_tensor *t);
/*
 * Runs the network on a raw tensor [n][h][w][3], n at least 1: RGB values 0..255 (normalisation and
 * channel order are folded into the first layer). outputs[0..noutputs-1] are matched by name; each
 * must have the shape of mien_net_output_shape, else MIEN_EINVAL. Outputs the caller does not name
 * are not copied out. On a CUDA context the data of any tensor may lie in that device's memory
 * instead of the host's.
 *
 * How a batch is run, here and in mien_detect, mien_embed, mien_classify and mien_attributes:
 * fewer images than threads are worked on by all threads together, layer by layer, so that the
 * answer comes as soon as it can. Of more, each thread takes whole images, which gives the most
 * images a second. Results are the same, bit for bit.
 */
MIEN_API int mien_run(mien_net *net, const mien_tensor *input, mien_tensor *outputs, int noutputs);

/* Made by the functions below, never by hand: it may grow. Members may be read; pixels may be
 * written where the program owns the image. */
typedef struct mien_image {
    uint8_t *pixels; /* [height][width][3] RGB, row pitch `pitch` bytes */
    int width, height;
    ptrdiff_t pitch;
    int full_width;  /* size of the upright original; larger than width x height where the image */
    int full_height; /* was decoded at a reduced scale. 0 means: same as width, height */
    int has_alpha;   /* the file had transparency; it was composed over white */
    int borrowed;    /* 1: the pixels are the program's, mien_image_from() */
    struct mien_resident *resident; /* its copy in a device's memory, mien_image_upload(); NULL
                                       where there is none */
    char
        warning[80]; /* a sentence on what is missing of a file read with salvage; empty: nothing */
} mien_image;

/* How files are read; zeros are the defaults. */
typedef struct mien_decode_options {
    size_t struct_size;
    int min_side;         /* > 0: a JPEG may be decoded at 1/2, 1/4 or 1/8 scale as long as its long
                             side stays at or above this many pixels; 0: full size */
    uint64_t max_pixels;  /* refuse larger images from their header; 0: 200 million */
    int keep_orientation; /* 1: do not apply the EXIF orientation */
    int shrink_to_limit; /* 1: a JPEG over max_pixels is decoded at 1/2, 1/4 or 1/8 scale where that
                            brings it below, whatever min_side is, instead of being refused; not one
                            of several scans, which is held whole while it is decoded */
    int salvage;         /* 1: a JPEG that is cut off is read down to the rows it has, the rest is
                            grey, and the image has a warning; it is refused where no row is whole */
    /* Asked now and then while a picture is decoded, in the caller's thread: non-zero ends it with
     * MIEN_ETOOBIG. NULL: it is never given up. BMP, PNM and TGA, which cost no more than their
     * pixels do, do not ask. */
    int (*stop)(void *stop_context);
    void *stop_context;
} mien_decode_options;

/* A format of files, as mien_format_at() tells of it. */
typedef struct mien_format {
    size_t struct_size;
    const char *name;        /* "JPEG" */
    const char *extensions;  /* of its files, lower case, a blank between two: ".jpg .jpeg" */
    const char *media_types; /* "image/jpeg", likewise */
} mien_format;

/* Fills *format with what is known of format i of those that are read, the first is 0; MIEN_EINVAL
 * past the last. The strings stay. */
MIEN_API int mien_format_at(int i, mien_format *format);
/* What this machine lacks to read format i: a sentence that says what to install, NULL for nothing.
 * HEIC and AVIF are read by libheif and TIFF by libtiff, which are opened where they are installed
 * (or where $MIEN_LIBHEIF and $MIEN_LIBTIFF name them), never linked, and run by the program
 * mien-decode in a process of its own where that is installed ($MIEN_DECODER names another; "none"
 * runs them in this process, whose end they may be). */
MIEN_API const char *mien_format_missing(int i);

/* Decodes JPEG, PNG, WebP, BMP, GIF (first frame), PNM, HEIC, AVIF, TIFF (first page) or TGA bytes,
 * which are not kept. opt may be NULL for the defaults, and so may ctx: the calling thread does it.
 * *out is freed with mien_image_free(). MIEN_EFORMAT, also where the library of the format is not
 * installed; MIEN_ETOOBIG. */
MIEN_API int mien_image_decode(mien_ctx *ctx, const void *bytes, size_t size,
                               const mien_decode_options *opt, mien_image **out);
/* The same from a file, or a pipe by its name, for whose writer it waits 5 seconds. MIEN_EIO where
 * it cannot be read, is a device, or nobody writes. */
MIEN_API int mien_image_load(mien_ctx *ctx, const char *path, const mien_decode_options *opt,
                             mien_image **out);
/* Writes an image; the format follows the extension: .jpg/.jpeg (quality 92), .png, .webp, .ppm
 * (MIEN_EINVAL for others). The file appears whole or not at all (MIEN_EIO). */
MIEN_API int mien_image_save(const mien_image *img, const char *path);
/* The same into memory: format is an extension without its dot ("png"). *bytes, the caller's, is
 * freed with free(); NULL where it fails. */
MIEN_API int mien_image_encode(const mien_image *img, const char *format, void **bytes,
                               size_t *size);
/* A new black image of width x height pixels, whose pixels are the program's to fill. Freed with
 * mien_image_free(). */
MIEN_API int mien_image_new(int width, int height, mien_image **out);
/* The bytes of a pixel, in the order in which they lie in memory; alpha is not premultiplied. */
enum mien_pixels { MIEN_RGB, MIEN_BGR, MIEN_RGBA, MIEN_BGRA, MIEN_GREY };
/*
 * An image of pixels that the program has: height rows of width pixels, pitch bytes apart (0: they
 * follow each other). MIEN_RGB is not copied: the pixels must stay what they are until
 * mien_image_free(), which leaves them alone, and are written to only where the image is drawn
 * into. Of the other formats a copy is made, so that the pixels may go at once; transparent pixels
 * are composed over white, as those of files. MIEN_EINVAL where the size is not possible or pitch
 * is too short for a row. *out is freed with mien_image_free().
 */
MIEN_API int mien_image_from(const void *pixels, enum mien_pixels format, int width, int height,
                             ptrdiff_t pitch, mien_image **out);
/* A copy of an image, turned clockwise by 90, 180 or 270 degrees; 0 makes one that is not turned.
 * *out is freed with mien_image_free(). MIEN_EINVAL for other degrees. */
MIEN_API int mien_image_turn(const mien_image *img, int degrees, mien_image **out);
/* Frees an image; its copy on a device goes with it. NULL is allowed. */
MIEN_API void mien_image_free(mien_image *img);
/*
 * Gives the image a copy in the memory of the context's device, for images that several
 * networks of that context will see: it then travels once. The image stays what it was for every
 * other function, and for other contexts. Until mien_image_forget() or mien_image_free() its pixels
 * must not change. Drawing into an image forgets
 * its copy. On a CPU, which reads pixels where they are, and for an image that has a copy, this
 * does nothing and is MIEN_OK, so that a program need not ask what it runs on. MIEN_ENOMEM where
 * the device has no room: nothing has changed then, and networks can still be run on the image.
 */
MIEN_API int mien_image_upload(mien_ctx *ctx, mien_image *img);
/* Frees the copy, where there is one, and leaves the image. */
MIEN_API void mien_image_forget(mien_image *img);

typedef struct mien_face {
    float box[4];          /* x1, y1, x2, y2 in pixels of the upright original, inside the image */
    float score;           /* 0..1: how sure the detector is */
    float landmarks[5][2]; /* x, y in the same pixels: left eye, right eye, nose, left and right
                              corner of the mouth; left as seen in an upright image */
} mien_face;

/* How thoroughly faces are looked for. 0 is FAST, and so it is the default of mien_detect(): what a
 * program got from an earlier library it still gets, bit for bit, and nothing costs more than it
 * asked for. The tool and the server say AUTO. */
enum mien_search {
    MIEN_SEARCH_FAST,    /* the image is looked at once, at `size` */
    MIEN_SEARCH_AUTO,    /* also at its own size (at most 1600 pixels) where that shows small faces
                            that `size` loses, small images enlarged, and turned by 90, 180 and 270
                            degrees where upright nothing good is found */
    MIEN_SEARCH_THOROUGH /* also in parts that are enlarged: crowds. At most 3840 pixels of the
                            image's long side are looked at, some ten times the cost of AUTO */
};

/* The long side at which AUTO looks at large images where `size` does not say otherwise. */
#define MIEN_SEARCH_SIDE 1600

/* Fill it with mien_detect_options_default(), then change what is to be different: of size, 0 is
 * not the default. */
typedef struct mien_detect_options {
    size_t struct_size;
    float threshold; /* smallest score kept, 0..1; 0: 0.5 */
    float nms;       /* IoU above which the weaker box goes, 0..1; 0: 0.4 */
    int size;        /* long side the image is scaled to, pixels; 0: original size; -1: the
                        network's default. Never scaled up. But for FAST the largest size it is
                        looked at: the network's default, at which large faces are found, goes along
                        where size is more, and 1600 is meant by -1 */
    int max_faces;   /* keep this many, best first; 0: 750; of an image's best 5000 candidates */
    enum mien_search search;
    int *turned; /* NULL, or out: [n], the degrees by which image i had to be turned clockwise to
                    find its faces: 0, 90, 180 or 270. They are given in the image as it is;
                    mien_image_turn() makes one in which they stand upright */
    /* Asked before each look at images and, on the CPU, between the layers of a look at a single
     * one, in the caller's thread: non-zero ends it with MIEN_ETOOBIG. It may take its time, and
     * use the network for something else meanwhile: an image can take a thousand times as long as
     * others. That fails with MIEN_ENOMEM where it has no room in mien_options.memory beside the
     * look that waits. NULL: it is never given up. */
    int (*stop)(void *stop_context);
    void *stop_context;
} mien_detect_options;

/* threshold 0.5, nms 0.4, size -1, max_faces 750, MIEN_SEARCH_FAST, and struct_size is size:
 * sizeof *opt. */
MIEN_API void mien_detect_options_default(mien_detect_options *opt, size_t size);
/* *side becomes the smallest long side an image may be decoded at (mien_decode_options.min_side)
 * so that mien_detect() with these options loses nothing: 0 means all pixels. opt as there. */
MIEN_API int mien_detect_min_side(const mien_net *net, const mien_detect_options *opt, int *side);
/*
 * Finds faces in n images. opt may be NULL for the defaults. faces is [n][capacity], capacity at
 * least 1, counts is [n]; image i has counts[i] faces, faces[i * capacity ..], by falling score.
 * Where more than capacity are found the best are returned. MIEN_EINVAL where the network does not
 * detect, an option is out of range or an image is none.
 */
MIEN_API int mien_detect(mien_net *net, const mien_image *const *images, int n,
                         const mien_detect_options *opt, int capacity, mien_face *faces,
                         int *counts);
/* Moves a face to where it lies when its image, width x height pixels of the upright original, is
 * turned clockwise by 0, 90, 180 or 270 degrees (MIEN_EINVAL for others), as mien_image_turn() does
 * it: where mien_detect_options.turned says so, networks that look at faces see them upright in
 * that image. */
MIEN_API int mien_face_turn(mien_face *face, int degrees, int width, int height);
/*
 * Which of n faces of an image of width x height pixels (of the upright original) is meant where
 * one is: the position of the main one. It has the largest product of size (its box's area as a
 * part of the image's), centre (1 in the image's middle, falling to 0 in its corners: 1 - distance
 * of the box's middle / half of the image's diagonal) and score; of equals the first. -1 where n is
 * 0.
 */
MIEN_API int mien_main_face(const mien_face *faces, int n, int width, int height);
/* Side of an aligned crop in pixels: what mien_align() makes and mien_embed() takes. Room for one
 * is uint8_t crop[MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3]. */
#define MIEN_CROP_SIDE 112
/* Fills *face with what an aligned crop shows, as a face of that image: its box is the whole crop,
 * its landmarks are where ArcFace's template has them, its score is 1. So a program that has crops
 * instead of photos uses the functions that take faces: the crop is the image. */
MIEN_API void mien_crop_face(mien_face *face);
/* Cuts nfaces faces out of one image by a 5-point similarity transform (Umeyama) onto ArcFace's
 * template; what lies outside of the image is black. crops:
 * [nfaces][MIEN_CROP_SIDE][MIEN_CROP_SIDE][3], RGB. MIEN_EINVAL where the landmarks of a face
 * coincide or are no numbers. */
MIEN_API int mien_align(const mien_image *img, const mien_face *faces, int nfaces, uint8_t *crops);
/* Embeds n aligned crops, as mien_align() makes them. out: [n][embedding_size], each of length 1.
 * MIEN_EINVAL where the network does not embed. */
MIEN_API int mien_embed(mien_net *net, const uint8_t *crops, int n, float *out);
/* The same, and the length each embedding had before it was made 1, which tells how much the
 * network found in the crop (mien_quality_add_norm); of "A+B" A's. norms: [n]. */
MIEN_API int mien_embed_norms(mien_net *net, const uint8_t *crops, int n, float *out, float *norms);
/* Both in one: aligns and embeds n faces, which may be of several images: images[i] is the image of
 * faces[i]. The same embeddings, bit for bit on a CPU; on a GPU no crop leaves the device. out:
 * [n][embedding_size]. */
MIEN_API int mien_embed_faces(mien_net *net, const mien_image *const *images,
                              const mien_face *faces, int n, float *out);
/* Cosine similarity of two embeddings of d values, -1..1; 0 where one is all zeros. From
 * mien_net_info.same_person of their network on they are called one person. */
MIEN_API float mien_similarity(const float *a, const float *b, int d);
/* The similarity that a share `rate` of pairs of faces of different people reaches, 0 < rate <=
 * 0.5: of n faces, one is so much like a stranger by chance with a probability of about n times
 * that. Measured from 1e-1 to 1e-5 (docs/thresholds.md), beyond that what follows from a normal
 * distribution. MIEN_EUNSUPPORTED where the embedder was not measured. */
MIEN_API int mien_impostor_similarity(const mien_net *net, double rate, float *similarity);
/* What a similarity says: the natural logarithm of how many times likelier it is of a face and
 * `samples` faces of the same person (their mean, of length 1) than of different people. The
 * probability that it is that person follows from it and from how likely that was before
 * (docs/thresholds.md). MIEN_EUNSUPPORTED where the embedder was not measured. */
MIEN_API int mien_log_likelihood_ratio(const mien_net *net, float similarity, int samples,
                                       double *log_ratio);

/* What kind of thing an attribute says, and thereby what its values are. */
enum mien_attribute_kind {
    MIEN_VALUE,        /* 1 value: a number, in unit */
    MIEN_DISTRIBUTION, /* a probability a label; they sum to 1 */
    MIEN_PROBABILITY,  /* 1 value, 0..1: that it is so */
    MIEN_ANGLES,       /* 3 values, degrees: pitch (up is positive), yaw (to the image's right is
                          positive), roll (clockwise is positive) */
    MIEN_POINTS        /* dims values a point: x, y in pixels of the upright original, and of three
                          the depth in the same unit, away from the viewer positive or not, as the
                          network has it */
};
/* One thing that a network says of each item: whatever its blob names (docs/blob.md). Strings and
 * labels belong to the network. */
typedef struct mien_attribute {
    size_t struct_size;
    const char *name; /* "age" */
    enum mien_attribute_kind kind;
    int first, count; /* its values are values[first .. first + count - 1] of an item's */
    const char *unit; /* of MIEN_VALUE: "years"; else "" */
    float low, high;  /* values are within; -INFINITY, INFINITY where nothing bounds them. Of
                         shares and probabilities 0, 1 */
    const char *const *labels; /* of MIEN_DISTRIBUTION: [count]; else NULL */
    int dims;                  /* of MIEN_POINTS: values a point, 2 or 3; else 0 */
    /*
     * Of a MIEN_VALUE that is told of groups ("20-29"): how many there are, 0 for all others, and
     * what they are called. Beside its value are the ends of an interval in which it lies in
     * `interval` (0.8) of all cases, values[first + 1] and values[first + 2], and from
     * values[first + 3] on a probability a group; group i goes from group_edges[i] to the next one.
     */
    int groups;
    float interval;
    const char *const *group_labels; /* [groups] */
    const double *group_edges;       /* [groups + 1] */
    float unsure_below;   /* an answer less probable is to be told as unsure; 0: none is */
    int by_default;       /* 0: to be told only where somebody asks for it by its name */
    const char *measured; /* JSON: how often it is right, and of whom (docs/blob.md); "" */
} mien_attribute;
/* Fills *attribute for attribute i of a network, 0 .. mien_net_info.attributes - 1. MIEN_EINVAL
 * where there is none. */
MIEN_API int mien_attribute_at(const mien_net *net, int i, mien_attribute *attribute);
/* The likeliest label of a distribution, or the likeliest group, as a position in its labels; of
 * equals the first. values: [attribute_values], all of the item's, as mien_attributes() gave them.
 */
MIEN_API int mien_attribute_best(const mien_attribute *attribute, const float *values);
/*
 * The attributes of n faces, which may be of several images: images[i] is the image of faces[i].
 * For networks whose task looks at whole images (mien_task_info.item) faces is NULL. out:
 * [n][attribute_values]. As for all networks, what it says is a guess: a distribution tells how
 * sure it is. MIEN_EINVAL where the network's results are of another kind, or faces is there where
 * it should not be or the other way round.
 */
MIEN_API int mien_attributes(mien_net *net, const mien_image *const *images, const mien_face *faces,
                             int n, float *out);

/*
 * All that several networks tell of n faces, embedders and those that tell attributes: out[k] is
 * what mien_embed_faces() or mien_attributes() gives for nets[k], bit for bit. Networks that read
 * features of one network run that once, together with its own results where it is among them. At
 * most 64; MIEN_EINVAL where one does not look at faces.
 */
MIEN_API int mien_run_faces(mien_net *const *nets, int nnets, const mien_image *const *images,
                            const mien_face *faces, int n, float *const *out);
/* The same, and of embedders the lengths of mien_embed_norms(): norms[k] is [n], or NULL where they
 * are not wanted or nets[k] is none. */
MIEN_API int mien_run_faces_norms(mien_net *const *nets, int nnets, const mien_image *const *images,
                                  const mien_face *faces, int n, float *const *out,
                                  float *const *norms);
/* 1 where one run does for both: they read features of one network, or one reads the other's. */
MIEN_API int mien_net_shares(const mien_net *a, const mien_net *b);

/* How a face's head is turned, from its five landmarks alone: pitch (up is positive), yaw (to the
 * image's right is positive) and roll (clockwise is positive), in degrees, as MIEN_ANGLES are. No
 * network is needed; docs/quality.md says how exact it is. MIEN_EINVAL where the landmarks coincide
 * or are no numbers. */
MIEN_API int mien_face_pose(const mien_face *face, float angles[3]);

/* Why a face is of little use: bit i of mien_quality.reasons. More may follow. */
enum mien_quality_reason {
    MIEN_QUALITY_SMALL,   /* eye_distance is */
    MIEN_QUALITY_BLURRED, /* sharpness is low: out of focus, moved, enlarged */
    MIEN_QUALITY_NOISY,
    MIEN_QUALITY_DARK,         /* much of the face is next to black */
    MIEN_QUALITY_BRIGHT,       /* or white */
    MIEN_QUALITY_FLAT,         /* contrast is low */
    MIEN_QUALITY_TURNED,       /* it looks elsewhere */
    MIEN_QUALITY_CUT_OFF,      /* a part of it lies outside of the image */
    MIEN_QUALITY_WEAK_FEATURES /* unified_score is low: an embedder finds little of a face in it */
};
/* What programs call a reason: "blurred"; NULL past the last. Static. */
MIEN_API const char *mien_quality_reason_name(int reason);
/* How good an image of a face is, for recognising it before all. */
typedef struct mien_quality {
    size_t struct_size;
    float score;        /* 0..1: the product of what the measures below are worth, 0..1 each */
    unsigned reasons;   /* bits 1 << MIEN_QUALITY_SMALL, ...: what is worth less than 0.5 */
    float eye_distance; /* pixels between the eyes of the upright original, divided by cos(yaw) */
    float sharpness;    /* 0..1: what another blur would take away of its edges */
    float noise;        /* standard deviation, in steps of 8-bit pixels */
    float dark, bright; /* parts of the face, 0..1, of a luma of at most 25, at least 247 of 255 */
    float contrast;     /* standard deviation of the luma, white being 1 */
    float turned;       /* degrees between where it looks and the viewer (mien_face_pose) */
    float inside;       /* the part of the face that lies inside the image, 0..1 */
    /* Of mien_quality_add_norm(), and not in score: */
    float feature_norm;  /* the embedding's length before it was made 1; 0: not known */
    float unified_score; /* what that is worth, 0..1; -1: not known */
    float brightness;    /* mean luma of the face, white being 1 */
} mien_quality;
/* Measures a face of an image, by its aligned crop (mien_align) and its landmarks; no network is
 * needed. Fills *quality. MIEN_EINVAL where the landmarks coincide or are no numbers. */
MIEN_API int mien_face_quality(const mien_image *img, const mien_face *face, mien_quality *quality);
/* Adds to what mien_face_quality() told what the face's embedding says: feature_norm is `norm`, and
 * of an embedder that was measured (docs/quality.md) unified_score is there and may be a reason. */
MIEN_API int mien_quality_add_norm(const mien_net *net, float norm, mien_quality *quality);

typedef struct mien_class {
    int index;
    float score;       /* probability, 0..1 */
    const char *label; /* owned by the network; NULL where unknown */
    const char *wnid;  /* WordNet id such as "n01440764"; NULL where unknown */
} mien_class;
/* Classifies n images (short side scaled, centre crop, as the blob says). out: [n][top], best
 * first; top is 1 .. mien_net_info.classes. MIEN_EINVAL where it is not, or the network does not
 * classify. */
MIEN_API int mien_classify(mien_net *net, const mien_image *const *images, int n, int top,
                           mien_class *out);

/* Draws a face's box, landmarks and a label (ASCII; may be NULL) into the image, in one of a few
 * colours, picked by index. Line width and letters follow the size of the image. The label stands
 * beside the box, in it only where the face fills the image, and not at all where it has no room.
 * MIEN_EINVAL where a coordinate is not finite. */
MIEN_API int mien_draw_face(mien_image *img, const mien_face *face, const char *label, int index);
/* Draws n points of a face, as small dots in its colour: points[i * dims], x and y, and whatever
 * else dims has room for. MIEN_EINVAL where a coordinate is not finite. */
MIEN_API int mien_draw_points(mien_image *img, const mien_face *face, const float *points, int n,
                              int dims, int index);
/* Draws lines of text (ASCII, separated by '\n'; NULL or "": none) on a dark panel at the top left.
 */
MIEN_API int mien_draw_caption(mien_image *img, const char *text);
/*
 * Draws n faces of the image and a caption so that no text covers a face or another text. Each face
 * has a box, landmarks, and beside the box "#", its position in faces, and its label; in a crowd
 * the number alone, or nothing, where there is no more room. A face that fills the image has them
 * in its box, clear of eyes, nose and mouth. The caption's panel lies in the corner that is free,
 * the top left before all, or elsewhere between the faces; it has fewer lines where there is less
 * room. labels: [n], and each of them, may be NULL, and so may caption. MIEN_EINVAL, MIEN_ENOMEM.
 */
MIEN_API int mien_draw_faces(mien_image *img, const mien_face *faces, int n,
                             const char *const *labels, const char *caption);

/* Drawings of a program's own, such as charts. Coordinates are pixels of the image itself, from the
 * outer corner of its top left pixel; colours are 0xRRGGBB. What lies outside is cut off.
 * MIEN_EINVAL where a coordinate is not finite. */
/* Fills the polygon of n corners, at most 1024, with a colour of opacity alpha, 0..1. */
MIEN_API int mien_draw_polygon(mien_image *img, const float (*points)[2], int n, uint32_t rgb,
                               float alpha);
/* A line through n points, `width` pixels wide, round where it turns and ends. */
MIEN_API int mien_draw_line(mien_image *img, const float (*points)[2], int n, float width,
                            uint32_t rgb);
/* A line of text (ASCII) whose base line begins at x, y, in letters of em pixels. */
MIEN_API int mien_draw_text(mien_image *img, const char *text, float x, float y, float em,
                            uint32_t rgb);
/* The width of such a line in pixels. */
MIEN_API float mien_text_width(const char *text, float em);

#ifdef __cplusplus
}
#endif
#endif /* MIEN_H */

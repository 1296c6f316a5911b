/*
 * mien_gallery.h - people by their faces: a store of embeddings that forgets nothing it was told to
 * keep, and everything it was told to forget.
 *
 * The public header of libmien-gallery, a library of its own: it needs no network and no picture,
 * and libmien needs no database. A gallery is a file (SQLite), or a database of a server's
 * (PostgreSQL), of collections; these have persons, and persons have samples: an embedding each,
 * made under a contract, with where it came from. Whatever changes people is an event of a log that
 * is only appended to, and can be undone, but for deletion, which leaves nothing to undo it with
 * (docs/gallery.md).
 *
 * Conventions are those of mien.h: codes, struct_size, who owns what. Besides
 *   - the sentence about a failure is mien_gallery_error()'s, kept per thread;
 *   - an id is a positive number that is never used twice in a gallery, and says nothing but who or
 *     what is meant; mien_gallery_id_text() writes one for people and JSON;
 *   - times are microseconds since 1970;
 *   - a call that returned MIEN_OK has its changes on the disk; of one that failed nothing is kept;
 *   - a gallery may be used by several threads and processes at once.
 */
#ifndef MIEN_GALLERY_H
#define MIEN_GALLERY_H

#include "mien.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Codes besides those of mien.h. */
enum {
    MIEN_GALLERY_ENOTFOUND = -101, /* no person, sample, event, ... of that id or name */
    MIEN_GALLERY_ECONFLICT = -102, /* what is there forbids it */
    MIEN_GALLERY_EBUSY = -103,     /* others kept the file locked for all of the time to wait */
    MIEN_GALLERY_EFULL = -104,     /* no room on the disk */
    MIEN_GALLERY_EKEY = -105       /* the key to an encrypted gallery is missing or wrong */
};

enum { MIEN_GALLERY_ID_SIZE = 17, MIEN_GALLERY_HASH_SIZE = 32, MIEN_GALLERY_KEY_SIZE = 32 };

/* One sentence about the last call of this library that failed in this thread; "" where none did.
 * Never NULL; valid until the next failure in this thread. */
MIEN_API const char *mien_gallery_error(void);
/* Writes an id as 16 letters; returns out. */
MIEN_API char *mien_gallery_id_text(int64_t id, char out[MIEN_GALLERY_ID_SIZE]);
/* Reads such a text. MIEN_EINVAL where it is none. */
MIEN_API int mien_gallery_id_read(const char *text, int64_t *id);
/* SHA-256 of bytes: what sources and networks are told apart by. */
MIEN_API void mien_gallery_hash(const void *bytes, size_t n, uint8_t out[MIEN_GALLERY_HASH_SIZE]);

typedef struct mien_gallery mien_gallery;
typedef struct mien_gallery_options {
    size_t struct_size;
    int read_only;      /* 1: nothing is changed, and the file must be there */
    int must_exist;     /* 1: a gallery that is not there is MIEN_GALLERY_ENOTFOUND, not made */
    int wait_ms;        /* how long to wait for others who write; 0: 10 000 */
    const char *who;    /* who changes things, for the log; NULL: "" */
    int listen;         /* 1: searches hear of what other processes change (LISTEN of PostgreSQL)
                           instead of asking each time: they know of it moments after it was
                           acknowledged, and of this process's changes at once. A file is always
                           asked */
    const uint8_t *key; /* [MIEN_GALLERY_KEY_SIZE]: the master key of an encrypted gallery; NULL: it
                           is none. It is copied */
    /* How people are searched for. NULL, "exact": by an index in memory of what there is, exactly.
     * "pgvector": by the database, in which a copy is kept for that, so that memory does not limit
     * how many there may be; of persons found so the similarities are exact, but one may be missed
     * (docs/search.md). MIEN_EUNSUPPORTED where that is not to be had. */
    const char *index;
    size_t index_memory; /* what the index of a collection may take: where it would take more,
                            people are searched for as by "pgvector"; 0: any */
} mien_gallery_options;

/* Opens the gallery in that file, and makes it where there is none, readable by its owner only. A
 * gallery of an older version is brought up to date. opt may be NULL. MIEN_EIO, MIEN_EFORMAT where
 * the file is something else or damaged, MIEN_EUNSUPPORTED where a newer version made it.
 * ":memory:" is a gallery of its own that is gone when it is closed.
 * "postgresql://..." as libpq takes it is a gallery in PostgreSQL: MIEN_EDEVICE without libpq,
 * MIEN_EIO where the server cannot be reached or refuses.
 * With a key a new gallery is made an encrypted one, for good: faces, names and whatever says who
 * somebody is are sealed by AES-256-GCM (docs/gallery.md). MIEN_GALLERY_EKEY where the key is
 * missing, is not the gallery's, or the gallery is not encrypted; MIEN_EDEVICE without libcrypto.
 */
MIEN_API int mien_gallery_open(const char *path, const mien_gallery_options *opt,
                               mien_gallery **out);
/* NULL is allowed. What was begun and not committed is forgotten. */
MIEN_API void mien_gallery_close(mien_gallery *gallery);
/* Reads a master key from a file: 32 bytes, or 64 hexadecimal digits and a line's end. MIEN_EIO,
 * MIEN_EFORMAT where it is no key. */
MIEN_API int mien_gallery_key_read(const char *path, uint8_t key[MIEN_GALLERY_KEY_SIZE]);
/* Gives an encrypted gallery another master key: what it has stays as it is, the keys to that are
 * wrapped anew. Whoever has it open needs the new one to read on. MIEN_GALLERY_EKEY where it is not
 * encrypted. */
MIEN_API int mien_gallery_rekey(mien_gallery *gallery, const uint8_t key[MIEN_GALLERY_KEY_SIZE]);

/* Makes the calls of this thread until mien_gallery_commit() one change: all of it, or nothing.
 * Other threads and processes that write wait. Once a call between them fails,
 * mien_gallery_commit() does, too, and nothing is changed. */
MIEN_API int mien_gallery_begin(mien_gallery *gallery);
/* The same for changes of somebody else than who opened the gallery, whose name must stay until
 * they end; NULL: mien_gallery_begin(). */
MIEN_API int mien_gallery_begin_as(mien_gallery *gallery, const char *who);
MIEN_API int mien_gallery_commit(mien_gallery *gallery);
MIEN_API void mien_gallery_rollback(mien_gallery *gallery);

/* What makes embeddings comparable: the network, by a hash of its weights and of what is done to a
 * face before. Those of different contracts are never compared. */
typedef struct mien_gallery_contract {
    size_t struct_size;
    int64_t id;       /* set by the library */
    const char *name; /* for people: "mobilefacenet-192" */
    const char *hash; /* any text that tells contracts apart */
    int dims;         /* values of an embedding */
} mien_gallery_contract;
/* The contract of that hash; it is made where there is none. MIEN_GALLERY_ECONFLICT where that has
 * other dims. */
MIEN_API int mien_gallery_contract_use(mien_gallery *gallery, const mien_gallery_contract *contract,
                                       int64_t *id);
typedef int mien_gallery_contract_seen(void *context, const mien_gallery_contract *contract);
/* Shows every contract, by rising id; `seen` ends it by returning what is not 0, which is returned.
 * Strings, in this and the other listings, are valid until `seen` returns; it must not use the
 * gallery. */
MIEN_API int mien_gallery_contracts(mien_gallery *gallery, mien_gallery_contract_seen *seen,
                                    void *context);

typedef struct mien_gallery_collection {
    size_t struct_size;
    int64_t id;
    const char *name;
    int64_t created, persons, samples;
    int64_t contract; /* that it goes by since it was migrated; 0: it was not */
} mien_gallery_collection;
/* The collection of that name. create: it is made where there is none; else
 * MIEN_GALLERY_ENOTFOUND. */
MIEN_API int mien_gallery_collection_use(mien_gallery *gallery, const char *name, int create,
                                         int64_t *id);
typedef int mien_gallery_collection_seen(void *context, const mien_gallery_collection *collection);
MIEN_API int mien_gallery_collections(mien_gallery *gallery, mien_gallery_collection_seen *seen,
                                      void *context);

typedef struct mien_gallery_person {
    size_t struct_size;
    int64_t id; /* of mien_gallery_person_add() 0, or one to be taken over from elsewhere */
    int64_t collection;
    const char *name;                   /* "": not named yet. Two persons may be called alike */
    const char *external_id, *metadata; /* yours, metadata in JSON; NULL: none */
    int64_t created, updated;           /* 0 for adding: now */
    int64_t samples;                    /* how many; ignored for adding */
    int64_t best_sample; /* that of the best quality, of those with a crop where there are any; 0:
                            there is none; ignored for adding */
} mien_gallery_person;
MIEN_API int mien_gallery_person_add(mien_gallery *gallery, const mien_gallery_person *person,
                                     int64_t *id);
typedef int mien_gallery_person_seen(void *context, const mien_gallery_person *person);
/* MIEN_GALLERY_ENOTFOUND where there is none of that id; the sentence says what became of it. */
MIEN_API int mien_gallery_person_get(mien_gallery *gallery, int64_t id,
                                     mien_gallery_person_seen *seen, void *context);
/* Persons of a collection, by rising id, behind the id `after`, `limit` at most (0: all). name: of
 * that name; NULL: all. */
MIEN_API int mien_gallery_persons(mien_gallery *gallery, int64_t collection, const char *name,
                                  int64_t after, int limit, mien_gallery_person_seen *seen,
                                  void *context);

typedef struct mien_gallery_person_filter {
    size_t struct_size;
    const char *prefix; /* of the name, in whatever case ASCII letters are; NULL: any */
    int named;          /* 1: who has a name; -1: who has none; 0: both */
} mien_gallery_person_filter;
/* Those of a collection's persons, as mien_gallery_persons() lists. Of an encrypted gallery all
 * names behind `after` are looked at until there are `limit`. */
MIEN_API int mien_gallery_persons_where(mien_gallery *gallery, int64_t collection,
                                        const mien_gallery_person_filter *filter, int64_t after,
                                        int limit, mien_gallery_person_seen *seen, void *context);

typedef struct mien_gallery_sample {
    size_t struct_size;
    int64_t id; /* of mien_gallery_samples_add() 0, or one to be taken over from elsewhere */
    int64_t person, contract;
    const float *embedding; /* [dims of the contract], of length 1 */
    int dims;
    float quality;              /* 0..1; below 0: not known */
    float box[4];               /* of the face in its picture: x1, y1, x2, y2; all 0: not known */
    const char *source;         /* the picture: a path, a URL; NULL: not known */
    const uint8_t *source_hash; /* [MIEN_GALLERY_HASH_SIZE] of its bytes; NULL: not known */
    const void *crop;           /* the aligned face as a file (PNG, JPEG); NULL: not kept */
    size_t crop_bytes;
    const char *external_id, *metadata;
    const char *forced; /* why it would have been refused if it had not been forced; NULL: it would
                           not have been */
    int64_t created, updated; /* 0 for adding: now */
} mien_gallery_sample;
/* Adds n samples, of one or many persons, all or none. ids: [n], or NULL. MIEN_GALLERY_ECONFLICT
 * where one has other dims than its contract, MIEN_EINVAL where an embedding is not of length 1. */
MIEN_API int mien_gallery_samples_add(mien_gallery *gallery, const mien_gallery_sample *samples,
                                      int n, int64_t *ids);
typedef int mien_gallery_sample_seen(void *context, const mien_gallery_sample *sample);
MIEN_API int mien_gallery_sample_get(mien_gallery *gallery, int64_t id,
                                     mien_gallery_sample_seen *seen, void *context);
/* Samples of a person, as mien_gallery_persons() lists. */
MIEN_API int mien_gallery_samples(mien_gallery *gallery, int64_t person, int64_t after, int limit,
                                  mien_gallery_sample_seen *seen, void *context);
/* Samples of a collection that were made under a contract, without crops. */
MIEN_API int mien_gallery_samples_under(mien_gallery *gallery, int64_t collection, int64_t contract,
                                        int64_t after, int limit, mien_gallery_sample_seen *seen,
                                        void *context);
/* A sample made of a picture of that hash, in a collection under a contract; 0: there is none. */
MIEN_API int mien_gallery_source_find(mien_gallery *gallery, int64_t collection, int64_t contract,
                                      const uint8_t hash[MIEN_GALLERY_HASH_SIZE], int64_t *sample);

enum mien_gallery_event_kind {
    MIEN_GALLERY_PERSON_ADDED = 1,
    MIEN_GALLERY_SAMPLES_ADDED,
    MIEN_GALLERY_RENAMED,
    MIEN_GALLERY_MERGED, /* other into person */
    MIEN_GALLERY_SPLIT,  /* person from other */
    MIEN_GALLERY_MOVED,  /* samples to person */
    MIEN_GALLERY_NOT_THIS_PERSON,
    MIEN_GALLERY_DELETED,
    MIEN_GALLERY_UNDONE,
    MIEN_GALLERY_GROUPED,   /* faces without a name to person */
    MIEN_GALLERY_DESCRIBED, /* what programs keep with a person */
    MIEN_GALLERY_EMBEDDED,  /* samples got embeddings under other, a contract */
    MIEN_GALLERY_DROPPED,   /* those are gone */
    MIEN_GALLERY_MIGRATED   /* person, a collection, goes by other, a contract; 0: by none */
};
/* What programs call a kind: "merged"; NULL past the last. Static. */
MIEN_API const char *mien_gallery_event_name(int kind);
typedef struct mien_gallery_event {
    size_t struct_size;
    int64_t id; /* 1, 2, ...: the order of things */
    int64_t time;
    const char *who;
    enum mien_gallery_event_kind kind;
    int64_t person, other; /* 0: none */
    int64_t samples;       /* how many of them it changed */
    const char *was, *is;  /* names, of what renames; NULL: it does not, or was deleted */
    int64_t undoes;        /* the event that this one undid; 0: none */
    int undone;            /* 1: it was undone, and that not undone again */
} mien_gallery_event;
typedef int mien_gallery_event_seen(void *context, const mien_gallery_event *event);
/* The log, by rising id. person: events that concern this one; 0: all. */
MIEN_API int mien_gallery_events(mien_gallery *gallery, int64_t person, int64_t after, int limit,
                                 mien_gallery_event_seen *seen, void *context);

/* Those of a collection, the newest first where `newest`, `after` then being the event they are to
 * be older than; 0: from the first, or the last. Deletions are told of whole galleries only. */
MIEN_API int mien_gallery_collection_events(mien_gallery *gallery, int64_t collection,
                                            int64_t person, int64_t after, int limit, int newest,
                                            mien_gallery_event_seen *seen, void *context);

/* What changes people; *event (NULL is allowed) becomes the event that mien_gallery_undo() takes.
 * MIEN_GALLERY_ECONFLICT where persons are of different collections, or a sample would come to a
 * person that it was said not to be. */
MIEN_API int mien_gallery_rename(mien_gallery *gallery, int64_t person, const char *name,
                                 int64_t *event);
/* Sets what is yours of a person; NULL: stays as it is, "": becomes none. */
MIEN_API int mien_gallery_describe(mien_gallery *gallery, int64_t person, const char *external_id,
                                   const char *metadata, int64_t *event);
/* All samples of `from` become those of `into`; `from` is no person any more. */
MIEN_API int mien_gallery_merge(mien_gallery *gallery, int64_t from, int64_t into, int64_t *event);
/* Makes a person of that name of n samples, all of one person. */
MIEN_API int mien_gallery_split(mien_gallery *gallery, const int64_t *samples, int n,
                                const char *name, int64_t *person, int64_t *event);
MIEN_API int mien_gallery_move(mien_gallery *gallery, const int64_t *samples, int n, int64_t person,
                               int64_t *event);
/* Says that a sample is not this person, for good: nothing brings it there. Where it is there now,
 * it becomes one of a new person without a name, *other (else 0). */
MIEN_API int mien_gallery_not_this_person(mien_gallery *gallery, int64_t sample, int64_t person,
                                          int64_t *other, int64_t *event);
/* Undoes an event, an undoing too. MIEN_GALLERY_ECONFLICT where it was a deletion, is undone, or
 * what it changed was changed since: the sentence says by which event. */
MIEN_API int mien_gallery_undo(mien_gallery *gallery, int64_t undone, int64_t *event);

/* With what of a person a face is compared. */
enum mien_gallery_by {
    MIEN_GALLERY_BY_TEMPLATE, /* the mean of its samples, of length 1: finds more than the next */
    MIEN_GALLERY_BY_SAMPLE    /* the most alike of its samples */
};
typedef struct mien_gallery_identify_options {
    size_t struct_size;
    enum mien_gallery_by by;
    const char *where; /* only persons whose metadata are an object with these members:
                          KEY=VALUE, several with commas between them; values other than texts as
                          JSON writes them. NULL: everybody */
} mien_gallery_identify_options;
/* A person whom a face is like. Arrays of it never grow. */
typedef struct mien_gallery_match {
    int64_t person, sample; /* the sample: of this person's the most alike */
    float similarity;       /* of what was compared, as mien_similarity() */
    int samples;            /* how many this person has */
} mien_gallery_match;
/*
 * The k persons of a collection most like each of n embeddings of a contract. queries: [n][dims of
 * the contract], each of length 1; options: NULL for templates of everybody; matches: [n][k], best
 * first, of equals the one with the older sample; counts: [n], how many each has: fewer where there
 * are fewer persons. The answer is that of comparing with every sample or template there is,
 * exactly, and knows of every change that was acknowledged before the call (but see `listen` of
 * mien_gallery_options). The first search of a collection reads its samples into memory, later ones
 * what has changed.
 */
MIEN_API int mien_gallery_identify(mien_gallery *gallery, int64_t collection, int64_t contract,
                                   const float *queries, int n, int k,
                                   const mien_gallery_identify_options *options,
                                   mien_gallery_match *matches, int *counts);
/* How good searches are that are not exact, of so many samples as queries: each finds the k persons
 * by mien_gallery_identify(), and by comparing it with every sample. */
typedef struct mien_gallery_recall {
    size_t struct_size;
    int64_t samples;      /* that there are */
    int queries, k;       /* taken from all over the collection; others than their own person's */
    double recall;        /* of the k persons most like each, how many were found: 0..1 */
    double seconds;       /* of a search */
    double exact_seconds; /* of comparing one query with everything */
} mien_gallery_recall;
/* by: as of mien_gallery_identify_options. MIEN_EINVAL for other than 1 to 1000 queries, 1 to 100
 * persons. It reads everything once. */
MIEN_API int mien_gallery_measure(mien_gallery *gallery, int64_t collection, int64_t contract,
                                  int queries, int k, mien_gallery_recall *out);

/* With how many templates or samples that compares a face: by them and the share of strangers who
 * may be taken for somebody goes the similarity to ask for (docs/thresholds.md). */
MIEN_API int mien_gallery_comparisons(mien_gallery *gallery, int64_t collection, int64_t contract,
                                      const mien_gallery_identify_options *options, int64_t *n);

/* The sample of a person that is most like an embedding of a contract: the similarity, and which
 * it is; -1 and 0 where the person has none under that contract. MIEN_GALLERY_ENOTFOUND where there
 * is no such person. */
MIEN_API int mien_gallery_compare(mien_gallery *gallery, int64_t person, int64_t contract,
                                  const float *query, mien_gallery_match *best);

/*
 * Groups: faces that nobody has named yet. A face is a person without a name who has one sample, a
 * group one who has several; mien_gallery_rename() names either, and is all it takes to enrol it.
 */
/* Adds n samples that are not known to be anybody's, each as a person of its own without a name:
 * all or none. Their ids and persons are 0; ids: [n] or NULL, of the samples. */
MIEN_API int mien_gallery_faces_add(mien_gallery *gallery, int64_t collection,
                                    const mien_gallery_sample *faces, int n, int64_t *ids);
typedef struct mien_gallery_cluster_options {
    size_t struct_size;
    float join; /* the cosine of two groups' means from which they are one person. It should be the
                   similarity that less than one pair of strangers in as many as there are faces
                   reaches; 0: 0.6, good for thousands of faces of mobilefacenet-192 */
    int named;  /* 1: faces also join persons who have a name, and so are enrolled */
    const char *who; /* for the log; NULL: who opened the gallery */
    /* Called now and then with what share of the work is done, 0..1; not 0: to stop, which
     * mien_gallery_cluster() returns. It may use the gallery. NULL: not called. */
    int (*progress)(void *context, double share);
    void *context;
} mien_gallery_cluster_options;
typedef struct mien_gallery_clustering {
    size_t struct_size;
    int64_t faces;                   /* that were compared */
    int64_t joined, made;            /* faces that changed their person; groups that are new */
    int64_t waiting;                 /* faces that are still alone */
    int64_t first_event, last_event; /* all it did, an event a group; 0: nothing */
} mien_gallery_clustering;
/*
 * Puts the faces of a collection under a contract into groups (docs/search.md): those that are
 * alone join a group that is there, make one with others, or wait. What is a group stays one; no
 * face comes to a person that it was said not to be, nor to one that it was split from. The groups
 * depend on nothing but what the gallery has. Others may use the gallery meanwhile: what they
 * change is left as they want it. An event a group; some thousand faces are written at a time, so
 * where it fails what was written before stays, and the next call goes on. opt may be NULL.
 */
MIEN_API int mien_gallery_cluster(mien_gallery *gallery, int64_t collection, int64_t contract,
                                  const mien_gallery_cluster_options *opt,
                                  mien_gallery_clustering *out);
/* Persons of a collection without a name who have at least `least` samples, as
 * mien_gallery_persons() lists: from 2 on the groups. */
MIEN_API int mien_gallery_groups(mien_gallery *gallery, int64_t collection, int64_t least,
                                 int64_t after, int limit, mien_gallery_person_seen *seen,
                                 void *context);

/*
 * What is likely wrong with the persons of a collection who have a name, and what repairs it.
 */
enum mien_gallery_finding_kind {
    MIEN_GALLERY_MISLABELLED = 1, /* samples unlike the person's others and like another person:
                                     mien_gallery_move() */
    MIEN_GALLERY_UNLIKE,          /* unlike the person's others, and like nobody:
                                     mien_gallery_split(), mien_gallery_not_this_person() */
    MIEN_GALLERY_CONFUSABLE,      /* two persons who may be one: mien_gallery_merge() */
    MIEN_GALLERY_DUPLICATE        /* a sample that is nearly another of the person:
                                     mien_gallery_samples_delete() */
};
/* What programs call a kind: "mislabelled"; NULL past the last. Static. */
MIEN_API const char *mien_gallery_finding_name(int kind);
typedef struct mien_gallery_finding {
    size_t struct_size;
    enum mien_gallery_finding_kind kind;
    int64_t person; /* whose the samples are */
    const int64_t *samples;
    int n;               /* of them; 1 but of what is mislabelled or unlike */
    int64_t like, other; /* the sample they are most like, and its person; of MIEN_GALLERY_UNLIKE
                            one of themselves */
    float similarity;    /* to that; of MIEN_GALLERY_UNLIKE -1 */
    float own;           /* to the person's others: -1 where that was not asked */
} mien_gallery_finding;
/* It may use the gallery; what is not 0 ends the doctor and is returned. */
typedef int mien_gallery_finding_seen(void *context, const mien_gallery_finding *finding);
typedef struct mien_gallery_doctor_options {
    size_t struct_size;
    float own;     /* a similarity below which two samples are two persons' */
    float another; /* from which on a sample is another person's, in a collection of that size */
    float same;    /* from which on two samples of a person tell no more than one */
    /* As of mien_gallery_cluster_options. */
    int (*progress)(void *context, double share);
    void *context;
} mien_gallery_doctor_options;
/* Looks at every sample under a contract: by what it is most like, not by comparing all with all.
 * Samples are unlike where nothing joins them with the most of the person's, also not by way of
 * others; it is not asked of persons of more than 2000 samples. Others may use the gallery
 * meanwhile. */
MIEN_API int mien_gallery_doctor(mien_gallery *gallery, int64_t collection, int64_t contract,
                                 const mien_gallery_doctor_options *options,
                                 mien_gallery_finding_seen *seen, void *context);

/*
 * Migration: a collection from one network to another, side by side. Samples get embeddings under a
 * further contract; from then on searches, comparisons and groups under it know them. When all
 * have one the collection is told to go by the new contract, which can be undone as long as the
 * embeddings under the old one are there.
 */
/* Samples of a collection that have no embedding under a contract, with their crops, as
 * mien_gallery_persons() lists. */
MIEN_API int mien_gallery_samples_without(mien_gallery *gallery, int64_t collection,
                                          int64_t contract, int64_t after, int limit,
                                          mien_gallery_sample_seen *seen, void *context);
/* Gives n samples further embeddings under a contract, in the place of those they have: all, or
 * nothing. embeddings: [n][dims of the contract], each of length 1. Of samples that are not there
 * any more, or were made under that contract, it says nothing and does nothing; *added is how many
 * remain. *event: 0 where there are none. */
MIEN_API int mien_gallery_embeddings_add(mien_gallery *gallery, int64_t contract,
                                         const int64_t *samples, const float *embeddings, int n,
                                         int64_t *added, int64_t *event);
/* Forgets all further embeddings of a collection under a contract, from its files as deletion does.
 * MIEN_GALLERY_ECONFLICT where the collection goes by it. */
MIEN_API int mien_gallery_embeddings_drop(mien_gallery *gallery, int64_t collection,
                                          int64_t contract, int64_t *dropped, int64_t *event);
/* Says that a collection goes by a contract: enrolling and identifying by another is a mistake,
 * which programs tell by mien_gallery_collection. */
MIEN_API int mien_gallery_migrate(mien_gallery *gallery, int64_t collection, int64_t contract,
                                  int64_t *event);
/* MIEN_GALLERY_ECONFLICT where a collection was migrated to another contract than this one, which
 * is 0 where there is none yet. */
MIEN_API int mien_gallery_contract_check(mien_gallery *gallery, int64_t collection,
                                         int64_t contract);

/* Whether two contracts agree on who a sample is: by the other sample that is most like it. */
typedef struct mien_gallery_agreement {
    size_t struct_size;
    int64_t samples; /* that have embeddings under both, and are not the only one under either */
    int64_t right_a, right_b; /* whose most alike other is the same person's, under each */
    int64_t same;             /* whose most alike others are one person's */
} mien_gallery_agreement;
/* A sample on which they do not agree: whose it is, and whose is most alike, under each. */
typedef int mien_gallery_disagreement(void *context, int64_t sample, int64_t person, int64_t by_a,
                                      int64_t by_b);
/* Compares every sample of a collection that has embeddings under both contracts with all others:
 * that takes as long as grouping them. seen (NULL is allowed) must not use the gallery. */
MIEN_API int mien_gallery_compare_contracts(mien_gallery *gallery, int64_t collection, int64_t a,
                                            int64_t b, mien_gallery_disagreement *seen,
                                            void *context, mien_gallery_agreement *out);

/* What a deletion came to. */
typedef struct mien_gallery_deletion {
    size_t struct_size;
    int64_t event, samples; /* the event, and how many samples are gone */
    int complete;    /* 1: nothing is left in the gallery's files; 0: the rows are gone, but others
                        were  reading, so that the journal could not be emptied: mien_gallery_scrub()
                      */
    char *receipt;   /* a text that tells nothing of what was deleted, by which mien_gallery_prove()
                        knows it; to be freed with free() */
    const char *who; /* to be set: who deletes, for the log; NULL: who opened the gallery */
} mien_gallery_deletion;
/* Deletes a person, with those that were merged into it, all samples, and what events tell of them:
 * names, what was whose. That there were events, when and by whom stays. It cannot be undone.
 * Backups and exports are files of their own, of which the gallery knows nothing. In PostgreSQL it
 * is never complete: the server's owner cleans its files (docs/gallery.md). */
MIEN_API int mien_gallery_person_delete(mien_gallery *gallery, int64_t person,
                                        mien_gallery_deletion *deletion);
/* Deletes a collection with all its persons, in the same way. */
MIEN_API int mien_gallery_collection_delete(mien_gallery *gallery, int64_t collection,
                                            mien_gallery_deletion *deletion);
/* Deletes n samples of one person. */
MIEN_API int mien_gallery_samples_delete(mien_gallery *gallery, const int64_t *samples, int n,
                                         mien_gallery_deletion *deletion);
/* Empties the journal of what was deleted before; *complete as above. */
MIEN_API int mien_gallery_scrub(mien_gallery *gallery, int *complete);

typedef int mien_gallery_problem(void *context, const char *sentence);
/* Searches every file of the gallery for what a receipt stands for: embeddings and faces, whole or
 * in pieces of 32 bytes. Shows a sentence a place, and *found is how many: 0 is the proof. A
 * picture that was enrolled a second time, for somebody else, is found. In PostgreSQL the server
 * reads its files itself; MIEN_EUNSUPPORTED where the role may not have it do so. */
MIEN_API int mien_gallery_prove(mien_gallery *gallery, const char *receipt,
                                mien_gallery_problem *problem, void *context, int *found);
/* Looks at every page and row, and shows a sentence a thing that is wrong; *problems is how many.
 */
MIEN_API int mien_gallery_check(mien_gallery *gallery, mien_gallery_problem *problem, void *context,
                                int *problems);
/* Writes a gallery as it is now to a file, which must not be there, while others go on. Nothing
 * that was deleted is in it. MIEN_EUNSUPPORTED in PostgreSQL, which has pg_dump. */
MIEN_API int mien_gallery_backup(mien_gallery *gallery, const char *path);

#ifdef __cplusplus
}
#endif
#endif /* MIEN_GALLERY_H */

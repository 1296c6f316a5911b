#include "gallery/sqlite_schema.h"

#include <stddef.h>

/* state of a person: 0 there, -1 its adding was undone, else the person it was merged into; of a
 * sample: 0 or -1. changes: what an event changed, field by field (gallery/log.h). */
const char *const GALLERY_SCHEMA[] = {
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO settings VALUES ('last_id', 0);"
    "CREATE TABLE contracts (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " hash TEXT NOT NULL UNIQUE, dims INTEGER NOT NULL CHECK (dims > 0));"
    "CREATE TABLE collections (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE persons (id INTEGER PRIMARY KEY,"
    " collection INTEGER NOT NULL REFERENCES collections, name TEXT NOT NULL, external_id TEXT,"
    " metadata TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX persons_name ON persons (collection, name);"
    "CREATE INDEX persons_merged ON persons (state) WHERE state > 0;"
    "CREATE TABLE samples (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES persons,"
    " contract INTEGER NOT NULL REFERENCES contracts, embedding BLOB NOT NULL, quality REAL,"
    " x1 REAL, y1 REAL, x2 REAL, y2 REAL, source TEXT, source_hash BLOB, crop BLOB,"
    " external_id TEXT, metadata TEXT, forced TEXT, created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX samples_person ON samples (person);"
    "CREATE INDEX samples_source ON samples (source_hash) WHERE source_hash IS NOT NULL;"
    "CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " who TEXT NOT NULL, kind INTEGER NOT NULL, person INTEGER NOT NULL, other INTEGER NOT NULL,"
    " samples INTEGER NOT NULL, undoes INTEGER NOT NULL);"
    "CREATE INDEX events_person ON events (person);"
    "CREATE INDEX events_other ON events (other) WHERE other <> 0;"
    "CREATE INDEX events_undoes ON events (undoes) WHERE undoes <> 0;"
    "CREATE TRIGGER events_stay BEFORE DELETE ON events"
    " BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;"
    "CREATE TRIGGER events_are BEFORE UPDATE ON events"
    " WHEN old.id IS NOT new.id OR old.time IS NOT new.time OR old.who IS NOT new.who"
    " OR old.kind IS NOT new.kind OR old.undoes IS NOT new.undoes"
    " BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;"
    "CREATE TABLE changes (event INTEGER NOT NULL REFERENCES events, field INTEGER NOT NULL,"
    " subject INTEGER NOT NULL, was INTEGER, now INTEGER, was_text TEXT, now_text TEXT,"
    " PRIMARY KEY (event, field, subject)) WITHOUT ROWID;"
    "CREATE INDEX changes_subject ON changes (subject, field);"
    "CREATE TABLE not_persons (sample INTEGER NOT NULL REFERENCES samples,"
    " person INTEGER NOT NULL REFERENCES persons, PRIMARY KEY (sample, person)) WITHOUT ROWID;"
    "CREATE INDEX not_persons_person ON not_persons (person);",
    /* Embeddings of samples under further contracts; the one a collection goes by, and since when.
     */
    "CREATE TABLE embeddings (id INTEGER PRIMARY KEY, sample INTEGER NOT NULL REFERENCES samples,"
    " contract INTEGER NOT NULL REFERENCES contracts, embedding BLOB NOT NULL);"
    "CREATE UNIQUE INDEX embeddings_sample ON embeddings (sample, contract);"
    "ALTER TABLE collections ADD COLUMN contract INTEGER REFERENCES contracts;"
    "ALTER TABLE collections ADD COLUMN migrated INTEGER;",
    /* Of encrypted galleries, which older versions could not read: names by what they begin with.
     */
    "CREATE INDEX persons_sealed ON persons (collection, substr(name, 1, 20));",
    NULL,
};

/* The keys of an encrypted gallery (gallery/keyring.h): of persons and samples by their ids, 0 of
 * what is looked for. going: 1 where a deletion is about to be committed. */
const char *const KEYS_SCHEMA[] = {
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL,"
    " going INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX keys_going ON keys (going) WHERE going <> 0;",
    NULL,
};

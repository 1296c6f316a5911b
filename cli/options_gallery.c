/* The rows of the table of options that galleries have. */
#include "commands.h"
#include "options.h"

#define FIELD(name) offsetof(struct options, name)
#define ALL         (CMD_ENROLL | CMD_GALLERY | CMD_GALLERY_DELETE)

const struct option_def OPTIONS_GALLERY[] = {
    {.name = "gallery",
     .arg = "FILE",
     .group = GROUP_DATA,
     .commands = ALL,
     .kind = KIND_TEXT,
     .field = FIELD(gallery),
     .help = "the gallery [$XDG_DATA_HOME/mien/gallery.db, else ~/.local/share/mien/gallery.db]"},
    {.name = "collection",
     .arg = "NAME",
     .group = GROUP_DATA,
     .commands = ALL,
     .kind = KIND_TEXT,
     .field = FIELD(collection),
     .value = "default",
     .help = "of its collections, which"},
    {.name = "folder",
     .arg = "DIR",
     .group = GROUP_DATA,
     .commands = CMD_ENROLL,
     .kind = KIND_TEXT,
     .field = FIELD(folder),
     .help = "a folder of folders, each called as the person whose pictures are in it"},
    {.name = "force",
     .group = GROUP_FACES,
     .commands = CMD_ENROLL,
     .kind = KIND_FLAG,
     .field = FIELD(force),
     .help = "of several faces take the largest, and note that with the sample"},
    {.name = "receipt",
     .arg = "FILE",
     .group = GROUP_OUTPUT,
     .commands = CMD_GALLERY_DELETE,
     .kind = KIND_TEXT,
     .field = FIELD(receipt),
     .help = "write the receipt there, for 'mien gallery prove-deleted'"},
    {.name = NULL},
};

/* The table of commands; see commands.h. The order here is the order of the help. */
#include "commands.h"

#include <stddef.h>

static const char PICTURE_NOTES[] =
    "A PICTURE is a file (JPEG, PNG, WebP, BMP, GIF, PNM, TGA; HEIC, AVIF and TIFF where `mien "
    "--version` says so), a folder (walked in sorted order) or - (standard input). Each gives a "
    "line: for people where the output is a terminal, else, and with --json, of JSON, whose "
    "coordinates are pixels of the upright picture. What cannot be read is told on standard error, "
    "is {\"file\", \"error\", \"code\"} in JSON, and gives exit status 1 at the end.";

#define EVAL_NOTES                                                                                 \
    "Pictures that cannot be read are told on standard error and give exit status 1. With --json " \
    "standard output is one object, described in docs/eval.md. "

const struct command COMMANDS[] = {
    {"analyze", CMD_ANALYZE, "PICTURE...", 1, -1, "faces, age, gender, and what each picture shows",
     "Finds the faces in each picture, estimates age and gender, and says what the picture shows. "
     "A network may be left out with the name 'none'.",
     PICTURE_NOTES,
     "  mien analyze --draw result.jpg photo.jpg\n"
     "  mien analyze --classifier none --draw drawn/ holiday/ > holiday.jsonl\n"
     "  mien analyze --output results/ holiday/\n"
     "  mien analyze --output results/ --watch inbox/\n"
     "  curl -s https://example.org/photo.jpg | mien analyze -\n",
     cmd_pictures},
    {"detect", CMD_DETECT, "PICTURE...", 1, -1, "faces only: boxes and landmarks",
     "Finds the faces in each picture: box, score, and five landmarks (eyes, nose, corners of the "
     "mouth).",
     PICTURE_NOTES,
     "  mien detect photo.jpg\n"
     "  mien detect --size 0 --threshold 0.3 crowd.jpg     # small faces, too\n",
     cmd_pictures},
    {"classify", CMD_CLASSIFY, "PICTURE...", 1, -1, "what each picture shows",
     "Says what each picture shows: the K likeliest classes with their probabilities. \"faces\" "
     "stays empty.",
     PICTURE_NOTES,
     "  mien classify --top 3 photo.jpg\n"
     "  mien classify --batch 8 folder/\n",
     cmd_pictures},
    {"embed", CMD_EMBED, "PICTURE...", 1, -1, "faces as numbers that tell people apart",
     "Finds the faces in each picture and turns each into an embedding of length 1. The dot "
     "product of two of them says how alike the faces are: the same picture has 1, and two faces "
     "are likely one person's from the similarity on that `mien info` tells of the embedder.",
     PICTURE_NOTES,
     "  mien embed --face largest passport.jpg\n"
     "  mien embed --aligned crops/\n",
     cmd_pictures},
    {"compare", CMD_COMPARE, "PICTURE [PICTURE]", 1, 2, "whether two faces are likely one person's",
     "Compares the main faces of two pictures (large, central, certain) and says: likely the same, "
     "unsure, or different. Likely the same is from the similarity on that was measured for the "
     "embedder, at which 1 in 1000 pairs of two people passes; unsure is up to 0.1 below it. "
     "With --person it is the most similar sample of a gallery's person instead of a picture.",
     "On a terminal it prints a line for people, else, and with --json, JSON.",
     "  mien compare passport.jpg visitor.jpg\n"
     "  mien compare --json --same-person 0.5 a.jpg b.jpg\n"
     "  mien compare --person Alice visitor.jpg\n",
     cmd_compare},
    {"enroll", CMD_ENROLL, "NAME PICTURE...", 0, -1, "faces of persons into a gallery",
     "Puts the face of each picture into a gallery, as one of the person of that name, or id, who "
     "is made where there is none. A picture without a face, or with several, is refused. What has "
     "been enrolled is passed over, so that a run that was broken off can be started again.",
     "With --folder DIR there is no NAME: each of its folders is called as the person whose "
     "pictures are in it. A picture is in the gallery for good once its line is printed: a line "
     "for people where the output is a terminal, else, and with --json, of JSON.",
     "  mien enroll Alice alice1.jpg alice2.jpg\n"
     "  mien enroll --folder people/ --gallery people.db\n",
     cmd_enroll},
    {"identify", CMD_IDENTIFY, "PICTURE...", 1, -1, "who the faces are, among those enrolled",
     "Finds the faces in each picture, and says who of the gallery's people each is, by the mean "
     "of "
     "a person's samples: likely the same, unsure, or unknown. The more people a gallery has, the "
     "more alike the likeliest of them is to a stranger: likely the same is from the similarity on "
     "that --fpir of strangers reach, unsure from the one on that ten times as many do. For an "
     "embedder that was not measured it is the similarity of --same-person, and 0.1 less.",
     PICTURE_NOTES,
     "  mien identify party.jpg\n"
     "  mien identify --fpir 0.001 door.jpg\n"
     "  mien identify --gallery people.db --top 5 --json photos/\n",
     cmd_identify},
    {"recognize", CMD_RECOGNIZE, "KNOWN UNKNOWN...", 2, -1, "who is in pictures, by other pictures",
     "Says of each face in the pictures UNKNOWN who of those in the folder KNOWN it is, as 'mien "
     "identify' does; no gallery is made. KNOWN has a folder for each person, called as they are, "
     "or pictures called so: known/Alice/1.jpg, known/Bob.jpg. A picture that would spoil a person "
     "is not used, and told.",
     PICTURE_NOTES,
     "  mien recognize known/ unknown/\n"
     "  mien recognize --json staff/ door.jpg\n",
     cmd_recognize},
    {"cluster", CMD_CLUSTER, "[PICTURE...]", 0, -1, "whose faces are one person's, without names",
     "Puts the faces of pictures into a gallery, each as a person without a name, and those that "
     "are one person's into groups. Faces that come later join the groups that are there; 'mien "
     "gallery rename' names one, which enrols its faces. A picture whose faces the gallery has is "
     "passed over, and a face too poor to tell is left out.",
     "A PICTURE is a file or a folder, as for 'mien analyze'; without one what the gallery has is "
     "grouped. Each person with a name or several faces gives a line: for people where the output "
     "is a terminal, else, and with --json, of JSON.",
     "  mien cluster holiday/\n"
     "  mien cluster --gallery holiday.db --output people/ holiday/\n"
     "  mien cluster --join 0.7\n",
     cmd_cluster},
    {"thresholds", CMD_THRESHOLDS, "EMBEDDER...", 1, -1, "from which similarity it is somebody",
     "Prints from which similarity on a face is taken for one of so many, at which share of "
     "strangers for whom that is wrong.",
     NULL,
     "  mien thresholds mobilefacenet-192\n"
     "  mien thresholds mobilefacenet-512 --json\n",
     cmd_thresholds},
    {"gallery", CMD_GALLERY, "list|show|...", 0, 0, "the people in a gallery: see and change them",
     "Shows and changes what a gallery has; 'mien gallery COMMAND --help' tells of each command. "
     "All changes but deletion can be undone.",
     NULL,
     "  mien gallery list\n"
     "  mien gallery merge Alica Alice\n"
     "  mien gallery undo 17\n",
     cmd_gallery},
    {"gallery list", CMD_GALLERY, "", 0, 0, "who is in it",
     "Lists the persons of the collection with their ids and how many samples each has.", NULL,
     "  mien gallery list\n"
     "  mien gallery list --collection staff --json\n",
     cmd_gallery_list},
    {"gallery show", CMD_GALLERY, "PERSON", 1, 1, "a person and their samples",
     "Shows a person, and where each sample comes from. A PERSON is a name, where one person is "
     "called so, or an id.",
     NULL, "  mien gallery show Alice\n", cmd_gallery_show},
    {"gallery history", CMD_GALLERY, "[PERSON]", 0, 1, "what happened, and who did it",
     "Lists the events of a person, or all, in order: when, by whom, what, and whether it was "
     "undone.",
     NULL,
     "  mien gallery history\n"
     "  mien gallery history Alice --json\n",
     cmd_gallery_history},
    {"gallery rename", CMD_GALLERY, "PERSON NAME", 2, 2, "another name",
     "Gives a person another name. A PERSON is a name, where one person is called so, or an id.",
     NULL, "  mien gallery rename Alica Alice\n", cmd_gallery_rename},
    {"gallery merge", CMD_GALLERY, "PERSON INTO", 2, 2, "two persons who are one",
     "Makes all samples of the first person those of the second; the first is no person any more. "
     "A PERSON is a name, where one person is called so, or an id.",
     NULL, "  mien gallery merge Alica Alice\n", cmd_gallery_merge},
    {"gallery split", CMD_GALLERY, "NAME SAMPLE...", 2, -1, "one person who is two",
     "Makes a new person of samples of one. A SAMPLE is an id, as gallery show prints it.", NULL,
     "  mien gallery split Bob 00000c8f5a7d1001 00000c8f5a7d1002\n", cmd_gallery_split},
    {"gallery move", CMD_GALLERY, "PERSON SAMPLE...", 2, -1, "samples to another person",
     "Makes samples those of another person. A SAMPLE is an id, as gallery show prints it.", NULL,
     "  mien gallery move Alice 00000c8f5a7d1001\n", cmd_gallery_move},
    {"gallery not-this-person", CMD_GALLERY, "PERSON SAMPLE", 2, 2, "a sample is somebody else",
     "Notes that a sample is not that person, for good: nothing brings it there any more. Where it "
     "is there, it becomes one of a person without a name.",
     NULL, "  mien gallery not-this-person Alice 00000c8f5a7d1001\n", cmd_gallery_not},
    {"gallery undo", CMD_GALLERY, "EVENT", 1, 1, "a change that was none",
     "Undoes an event, by the number that gallery history prints; an undoing too. What was changed "
     "since is not undone, and the event that did it is named.",
     NULL, "  mien gallery undo 17\n", cmd_gallery_undo},
    {"gallery delete", CMD_GALLERY_DELETE, "PERSON|SAMPLE...", 1, -1, "for good",
     "Deletes a person, with all that the gallery knows of them, or samples. It cannot be undone. "
     "Backups and exports are files of their own. With --json it prints the receipt.",
     NULL, "  mien gallery delete Alice --receipt alice.receipt\n", cmd_gallery_delete},
    {"gallery prove-deleted", CMD_GALLERY, "RECEIPT", 1, 1, "that nothing is left",
     "Searches every file of the gallery, byte by byte, for what a deletion's receipt stands for: "
     "embeddings and faces, whole and in pieces. Exit status 1 where something is found. RECEIPT "
     "is a file, or - for standard input.",
     NULL, "  mien gallery prove-deleted alice.receipt\n", cmd_gallery_prove},
    {"gallery export", CMD_GALLERY, "FILE", 1, 1, "all of it as lines of JSON",
     "Writes all collections, persons and samples to a file, embeddings too; not the history. "
     "docs/gallery.md describes it.",
     NULL, "  mien gallery export people.jsonl\n", cmd_gallery_export},
    {"gallery import", CMD_GALLERY, "FILE", 1, 1, "what was exported",
     "Adds all of an export to a gallery, or nothing where a part of it cannot be: persons and "
     "samples keep their ids.",
     NULL, "  mien gallery import people.jsonl --gallery other.db\n", cmd_gallery_import},
    {"gallery backup", CMD_GALLERY, "FILE", 1, 1, "a copy, history and all",
     "Copies the gallery as it is now to a file, which must not be there, while others work with "
     "it.",
     NULL, "  mien gallery backup gallery-monday.db\n", cmd_gallery_backup},
    {"gallery check", CMD_GALLERY, "", 0, 0, "whether it is sound",
     "Looks at every page and row, and prints what is wrong; exit status 1 where something is. "
     "Empties the journal of what was deleted.",
     NULL, "  mien gallery check\n", cmd_gallery_check},
    {"gallery rekey", CMD_GALLERY, "FILE", 1, 1, "another key to an encrypted gallery",
     "Wraps the keys of an encrypted gallery by another master key, which is in FILE; "
     "--gallery-key "
     "is the one before. Servers that have it open are to be started anew with the new one.",
     NULL,
     "  openssl rand -hex 32 > new.key\n"
     "  mien gallery rekey new.key --gallery-key old.key\n",
     cmd_gallery_rekey},
    {"gallery migrate", CMD_GALLERY_MIGRATE, "", 0, 0, "from one embedder to another",
     "Embeds every sample of the collection by --embedder, too, from the aligned face that is kept "
     "with it, and tells how far the two networks agree on who is who. Searches with the one "
     "before go on as they were. With --cut-over the collection goes by the new one from then on: "
     "enrolling and identifying by another is refused, until 'mien gallery undo'.",
     "Samples whose face is not kept are embedded from their pictures, which --folder has by "
     "whatever name, or told. What has been embedded is passed over, so that a run that was broken "
     "off can be started again. Meanwhile identify --embedder OLD,NEW searches with both.",
     "  mien gallery migrate --embedder mobilefacenet-512\n"
     "  mien gallery migrate --embedder mobilefacenet-512 --folder pictures/\n"
     "  mien gallery migrate --embedder mobilefacenet-512 --cut-over\n"
     "  mien gallery migrate --embedder mobilefacenet-512 --drop\n",
     cmd_gallery_migrate},
    {"gallery index", CMD_GALLERY_INDEX, "", 0, 0, "what a search finds of what there is",
     "Searches for samples of the collection as --index says, and compares what is found with what "
     "a "
     "look at every sample finds: the recall. With --index pgvector the copies and the index that "
     "it needs are made before, which takes a while, so that the first search need not wait.",
     NULL, "  mien gallery index --index pgvector --gallery postgresql:///faces\n",
     cmd_gallery_index},
    {"gallery doctor", CMD_GALLERY_DOCTOR, "", 0, 0, "whose samples are likely somebody else's",
     "Compares the samples of all who have a name, and tells of what is likely wrong, each with "
     "the command that repairs it: samples that are not like the person's others, and perhaps "
     "like another person; two persons who may be one; a picture enrolled twice. It changes "
     "nothing: look before you repair.",
     NULL,
     "  mien gallery doctor\n"
     "  mien gallery doctor --collection staff --json\n",
     cmd_gallery_doctor},
    {"bench", CMD_BENCH, "NAME|BLOB...", 1, -1, "how fast a network runs here",
     "Runs a network on random input and prints its median and p99 time, its rate, and what it "
     "takes in memory. The percentage of peak compares with a fused multiply-add loop measured at "
     "the start.",
     NULL,
     "  mien bench resnet50-imagenet\n"
     "  mien bench retinaface-mnet025-v2 --size 640x480 --threads 1 --json\n",
     cmd_bench},
    {"bench analyze", CMD_BENCH_ANALYZE, "PICTURE...", 1, -1,
     "how fast whole pictures go, by stage",
     "Runs everything 'mien analyze --embeddings' does on the pictures, once to warm up and then "
     "round after round, and prints median and p99 time of each stage, pictures and faces a "
     "second. Printing and drawing results is not part of it.",
     "A PICTURE is a file or a folder. One that cannot be read is left out, and told. The times of "
     "the stages of faces are those of all faces of a picture. A network may be left out with the "
     "name 'none'.",
     "  mien bench analyze holiday/\n"
     "  mien bench analyze --threads 1 --classifier none --json photo.jpg\n",
     cmd_bench_analyze},
    {"eval", CMD_EVAL, "attributes|detect|classify|identify|verify", 0, -1,
     "how often the networks are right",
     "Runs a command on labelled pictures, and prints how often it is right: of all, and of groups "
     "of people.",
     NULL,
     "  mien eval attributes people.csv\n"
     "  mien eval detect annotations.json\n"
     "  mien eval classify pictures/\n",
     cmd_eval},
    {"eval attributes", CMD_EVAL_ATTRIBUTES, "CSV|FOLDER", 1, 1,
     "how often ages, genders, ... of labelled faces are right",
     "Runs 'mien analyze' on labelled faces and prints how often each attribute is right: over "
     "all, and for each race, gender and age, or the groups of --by; each with the interval chance "
     "leaves it, and whether probabilities mean what they say.",
     EVAL_NOTES
     "The CSV has a column of files, and columns called as what the networks tell: age (years, or "
     "ranges such as 20-29), gender, race. A FOLDER has the labels in its files' names, as "
     "UTKFace: AGE_GENDER_RACE_DATE.jpg.",
     "  mien eval attributes fairface_label_val.csv\n"
     "  mien eval attributes --where 'age>=10' --plots plots/ UTKFace/\n"
     "  mien eval attributes --json --by race,gender people.csv > result.json\n",
     cmd_eval},
    {"eval detect", CMD_EVAL_DETECT, "ANNOTATIONS", 1, 1,
     "how many faces of annotated pictures are found",
     "Runs 'mien detect' on annotated pictures and prints average precision by the protocol of "
     "WIDER FACE, and recall and precision at a score of 0.5.",
     EVAL_NOTES
     "ANNOTATIONS are WIDER FACE's text file (wider_face_val_bbx_gt.txt), or JSON: a list of "
     "{\"file\", \"boxes\": [[x1, y1, x2, y2], ...]}.",
     "  mien eval detect wider_face_split/wider_face_val_bbx_gt.txt\n"
     "  mien eval detect --detector scrfd-2.5g --search fast faces.json\n",
     cmd_eval},
    {"eval classify", CMD_EVAL_CLASSIFY, "FOLDER|CSV", 1, 1,
     "how often what labelled pictures show is right",
     "Runs 'mien classify' on labelled pictures and prints how often the right class is the first, "
     "and among the first five.",
     EVAL_NOTES
     "A FOLDER has a folder a class, called by its WordNet id, label or number; a CSV has a column "
     "of files and one called label.",
     "  mien eval classify imagenet/val/\n"
     "  mien eval classify --limit 1000 --precision int8 labels.csv\n",
     cmd_eval},
    {"eval identify", CMD_EVAL_IDENTIFY, "FOLDER|CSV", 1, 1,
     "how often people are found, and strangers taken for them",
     "Runs 'mien embed' on pictures of people. Half of the people, drawn at random, are strangers; "
     "of the others --samples faces each are enrolled, and all that are left are probes. Prints "
     "how often a person is the most alike one, or among five, how often he is missed where a "
     "tenth, a hundredth and a thousandth of strangers pass, and precision and recall at a "
     "hundredth.",
     EVAL_NOTES "A FOLDER has a folder a person; a CSV columns 'file' and 'label'.",
     "  mien eval identify people/\n"
     "  mien eval identify --samples 3 --embedder mobilefacenet-512 people/\n",
     cmd_eval},
    {"eval verify", CMD_EVAL_VERIFY, "PAIRS", 1, 1, "how often one person is told from two",
     "Runs 'mien embed' on pairs of pictures and prints how many are told rightly, those of each "
     "fold by the threshold that is best on the others; the share of pairs of one person that are "
     "accepted where a hundredth, a thousandth and a ten thousandth of others are; the equal error "
     "rate, and the threshold that is best on all.",
     EVAL_NOTES "PAIRS are LFW's pairs.txt, or a CSV with columns 'a', 'b', 'same' (yes or no) and "
                "perhaps 'fold'. A pair one of whose pictures shows no face counts as two persons.",
     "  mien eval verify --face centre --pictures lfw/ pairs.txt\n"
     "  mien eval verify --crop aligned --json pairs.csv\n",
     cmd_eval},
    {"calibrate", CMD_CALIBRATE, "NETWORK PICTURE...", 2, -1, "measure a network's ranges for int8",
     "Runs a network in fp32 on pictures of the kind it is for, measures the range of every value, "
     "and keeps the ranges in the network's blob: --precision int8 needs them. Some hundred "
     "pictures are enough, fewer than 50 are refused. NETWORK is a name or a blob; embedders and "
     "age-gender networks see the faces the detector finds.",
     "A PICTURE is a file or a folder, as for `mien analyze`.",
     "  mien calibrate resnet50-imagenet holiday/\n"
     "  mien calibrate mobilefacenet-192 --aligned crops/ --output ./int8.safetensors\n",
     cmd_calibrate},
    {"info", CMD_INFO, "NAME|BLOB...", 1, -1, "what is in a weights file, and how it runs",
     "Prints what a weights file says about its network: task, input, license, source. --size, "
     "--batch and the machine's options matter for --plan only.",
     NULL,
     "  mien info resnet50-imagenet\n"
     "  mien info ./my.safetensors --plan --size 320x320\n",
     cmd_info},
    {"models", CMD_MODELS, "[NAME...]", 0, -1, "which networks are installed",
     "Lists the networks in the weights folder, with license and accuracy, and the default ones "
     "that are missing; of those that are named also how often what they tell of a face is right, "
     "and of whom.",
     NULL,
     "  mien models\n"
     "  mien models face-joint\n"
     "  mien models --json\n",
     cmd_models},
    {"serve", CMD_SERVE, "", 0, 0, "all of this over HTTP",
     "Answers requests over HTTP: faces, ages, classes and embeddings of the pictures it is sent, "
     "in batches over all requests. A page to try it is at /, its documentation at /docs. A "
     "network may be left out with the name 'none'.",
     "SIGTERM ends it when the requests under way are answered, SIGHUP reads keys and networks "
     "anew.",
     "  mien serve\n"
     "  mien serve --address 0.0.0.0 --port 80 --keys keys.txt --precision int8\n"
     "  mien serve --config /etc/mien/mien.conf\n"
     "  curl -F file=@photo.jpg http://127.0.0.1:8080/predict\n",
     cmd_serve},
    {"submit", CMD_SUBMIT, "PICTURE|FOLDER|LIST|URL...", 1, -1, "pictures as jobs of a queue",
     "Puts a job a picture into a queue, for 'mien worker' to take, here or on other machines. All "
     "options go with the jobs: what is asked is said here, by which networks there.",
     "A LIST is a file of paths and URLs, one a line, or - (standard input). Paths are those of "
     "the machines the workers run on, unless jobs carry their pictures. With --json standard "
     "output is a line {\"id\", \"file\"} a job.",
     "  mien submit holiday/\n"
     "  find /photos -name '*.jpg' | mien submit --queue redis://queue.example -\n"
     "  mien submit --carry --priority high --json photo.jpg\n",
     cmd_submit},
    {"worker", CMD_WORKER, "", 0, 0, "take jobs of a queue and do them",
     "Takes jobs, does to their pictures what 'mien analyze' does, and ends each with its result, "
     "which is kept once however often a job had to run. Any number of workers may share a queue. "
     "A network may be left out with the name 'none'; options about faces and classes are for jobs "
     "that say nothing of them.",
     "SIGTERM ends it when the pictures it has begun are done. Jobs of a worker that dies are "
     "taken by others when its lease has ended. docs/jobs.md has the guarantees.",
     "  mien worker --until-empty\n"
     "  mien worker --queue redis://queue.example --results postgresql:///mien\n",
     cmd_worker},
    {"jobs", CMD_JOBS, "list|show|cancel|retry|export|stats|purge", 0, -1,
     "what waits, runs and is done",
     "Shows the jobs of a queue and what came of them, cancels them, and has them run again.", NULL,
     "  mien jobs stats\n"
     "  mien jobs list --state dead\n"
     "  mien jobs export --format csv > results.csv\n",
     cmd_jobs},
    {"jobs list", CMD_JOBS, "", 0, 0, "jobs, the oldest first",
     "Prints a line a job, of JSON where the output is no terminal.", NULL,
     "  mien jobs list --state failed --limit 20\n", cmd_jobs_list},
    {"jobs show", CMD_JOBS, "ID...", 1, -1, "jobs with their results",
     "Prints the jobs with their results, as JSON.", NULL,
     "  mien jobs show --pretty 01938c1e0f4a0000b2c4a1d5e6f70812\n", cmd_jobs_show},
    {"jobs cancel", CMD_JOBS, "ID...", 1, -1, "jobs nobody wants any more",
     "Jobs that wait are not taken, the results of those that run are dropped.", NULL,
     "  mien jobs cancel 01938c1e0f4a0000b2c4a1d5e6f70812\n", cmd_jobs_cancel},
    {"jobs retry", CMD_JOBS, "ID...", 1, -1, "have jobs run again",
     "Jobs that failed, were cancelled or given up wait again.", NULL,
     "  mien jobs retry 01938c1e0f4a0000b2c4a1d5e6f70812\n", cmd_jobs_retry},
    {"jobs export", CMD_JOBS, "", 0, 0, "all results",
     "Prints a line a job that has a result, as JSON or CSV; with --results those kept there.",
     NULL,
     "  mien jobs export > results.jsonl\n"
     "  mien jobs export --results postgresql:///mien --format csv > results.csv\n",
     cmd_jobs_export},
    {"jobs stats", CMD_JOBS, "", 0, 0, "how many jobs wait, run and are done",
     "Prints how many jobs are in each state.", NULL, "  mien jobs stats --json\n", cmd_jobs_stats},
    {"jobs purge", CMD_JOBS, "", 0, 0, "forget jobs that ended long ago",
     "Removes jobs that ended, with their results in the queue; what --results keeps stays.", NULL,
     "  mien jobs purge --older 7\n", cmd_jobs_purge},
    {"service", CMD_SERVICE, "NAME", 1, 1, "a part of an analysis, for others over gRPC",
     "Does one part of an analysis in a process of its own: image-input takes the pictures of a "
     "folder through the others, face-landmark finds faces, age-gender tells of them, and "
     "data-storage writes a JSON file for each picture. Redis is between them, and none of them "
     "loses a picture, whatever is killed when.",
     "All that is told, and how others are added, is in docs/services.md.",
     "  mien service face-landmark\n"
     "  mien service age-gender --redis redis://cache:6379/0\n"
     "  mien service data-storage --output output/\n"
     "  mien service image-input --input input/ --output output/\n",
     cmd_service},
    {"completion", CMD_COMPLETION, "bash|zsh|fish", 1, 1, "a script that completes in your shell",
     "Prints a script that completes commands, options and their values. `make install` puts all "
     "three where the shells look for them.",
     NULL,
     "  source <(mien completion bash)\n"
     "  mien completion zsh > ~/.zfunc/_mien\n"
     "  mien completion fish > ~/.config/fish/completions/mien.fish\n",
     cmd_completion},
    {.name = NULL},
};

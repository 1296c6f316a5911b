#include "postgres.h"

#include "gallery/libpq.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77 };

static char programs[256], folder[64], address[160];
static pid_t owner; /* the process that started it, not one that it forked */

/* Nobody runs PostgreSQL as root: then it is who Debian's package made for it. */
static void become_somebody(void) {
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (geteuid() != 0) return;
    if (!user || setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)) _exit(SKIPPED);
}

/* Runs a program of the server's, whose output goes nowhere. */
static int run_program(const char *name, char *const *argv) {
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        char path[384];
        int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        become_somebody();
        snprintf(path, sizeof path, "%s/%s", programs, name);
        if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir("/")) _exit(SKIPPED);
        execv(path, argv);
        _exit(SKIPPED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void control(char *const *argv, const char *what) {
    if (run_program("pg_ctl", argv)) fail_msg("pg_ctl could not %s the server", what);
}

void postgres_start(void) {
    char data[96], log[96], options[192];

    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(log, sizeof log, "%s/data/server.log", folder);
    snprintf(options, sizeof options,
             "-c listen_addresses= -c unix_socket_directories=%s -c shared_buffers=8MB -c "
             "fsync=off -c wal_recycle=off",
             folder);
    control((char *[]){"pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options, NULL},
            "start");
}

void postgres_stop(int crash) {
    char data[96];

    snprintf(data, sizeof data, "%s/data", folder);
    control(
        (char *[]){"pg_ctl", "stop", "-w", "-D", data, "-m", crash ? "immediate" : "fast", NULL},
        "stop");
}

static void end(void) {
    char command[96];

    if (getpid() != owner) return;
    postgres_stop(1);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command)) perror(folder);
}

/* Who may connect: the role "stranger" by its password only. */
static void write_access(const char *data) {
    char path[128];
    FILE *out;

    snprintf(path, sizeof path, "%s/pg_hba.conf", data);
    out = fopen(path, "we");
    assert_non_null(out);
    fputs("local all stranger scram-sha-256\nlocal all all trust\n", out);
    assert_int_equal(fclose(out), 0);
}

static int find_programs(void) {
    glob_t found;
    int there = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0;

    if (there) snprintf(programs, sizeof programs, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return there && (geteuid() || getpwnam("postgres"));
}

const char *postgres_address(void) {
    const struct passwd *user;
    char data[96];

    if (owner) return address;
    if (!find_programs()) {
        puts("skipped: no PostgreSQL is installed here (Debian: apt-get install postgresql)");
        exit(SKIPPED);
    }
    strcpy(folder, "/tmp/mien-postgres-XXXXXX");
    assert_non_null(mkdtemp(folder));
    user = geteuid() ? NULL : getpwnam("postgres");
    if (user) assert_int_equal(chown(folder, user->pw_uid, user->pw_gid), 0);
    snprintf(data, sizeof data, "%s/data", folder);
    assert_int_equal(
        run_program("initdb", (char *[]){"initdb", "-D", data, "-U", "master", "-A", "trust", "-E",
                                         "UTF8", "--locale=C", "--no-sync", NULL}),
        0);
    write_access(data);
    owner = getpid();
    atexit(end);
    postgres_start();
    snprintf(address, sizeof address, "postgresql:///postgres?user=master&host=%s", folder);
    return address;
}

const char *postgres_folder(void) {
    postgres_address();
    return folder;
}

const char *postgres_query(const char *sql) {
    static char answer[1024];
    const struct libpq *pq = libpq_use();
    struct pg_conn *conn = pq->connect((const char *[]){"dbname", NULL},
                                       (const char *[]){postgres_address(), NULL}, 1);
    struct pg_result *result;
    int is;

    pq->clear(pq->exec(conn, "SET client_min_messages = warning"));
    result = pq->exec(conn, sql);
    is = pq->result_status(result);

    if (is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, pq->error_message(conn));
    snprintf(answer, sizeof answer, "%s", pq->ntuples(result) ? pq->getvalue(result, 0, 0) : "");
    pq->clear(result);
    pq->finish(conn);
    return answer;
}

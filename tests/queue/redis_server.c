#include "redis_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static int port, over_tls;
static pid_t server, owner;

static int connects(void) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    return rc == 0;
}

static int free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || getsockname(fd, (struct sockaddr *)&a, &n))
        perror("bind");
    close(fd);
    return ntohs(a.sin_port);
}

static void stop(void) {
    char command[128];
    if (getpid() != owner) return;
    redis_kill();
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command)) perror(folder);
}

const char *redis_folder(void) {
    return folder;
}

void redis_kill(void) {
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

void redis_resume(void) {
    char number[16], none[] = "0";
    snprintf(number, sizeof number, "%d", port);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (chdir(folder) || !freopen("log", "a", stdout)) _exit(1);
        if (over_tls)
            execlp("redis-server", "redis-server", "--port", none, "--tls-port", number, "--bind",
                   "127.0.0.1", "--requirepass", "secret: word", "--save", "", "--tls-cert-file",
                   "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "ca.pem",
                   "--tls-auth-clients", "no", (char *)NULL);
        else
            execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1",
                   "--requirepass", "secret: word", "--save", "", "--appendonly", "yes",
                   "--appendfsync", "always", (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 500 && !connects(); i++) usleep(20000);
}

static int make_certificates(void) {
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
             " -keyout ca.key -out ca.pem -days 2 -subj /CN=tests >log 2>&1 &&"
             " openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem"
             " -out csr.pem -subj /CN=localhost >>log 2>&1 &&"
             " echo subjectAltName=DNS:localhost > ext &&"
             " openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
             " -extfile ext -out cert.pem >>log 2>&1",
             folder);
    return system(command);
}

int redis_start(int tls) {
    if (system("command -v redis-server >/dev/null") != 0) return 0;
    redis_kill();
    if (!*folder) {
        strcpy(folder, "/tmp/mien-redis-XXXXXX");
        if (!mkdtemp(folder)) return 0;
        owner = getpid();
        atexit(stop);
    }
    if (tls && make_certificates()) return 0;
    over_tls = tls;
    port = free_port();
    redis_resume();
    return port;
}

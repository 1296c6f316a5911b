/*
 * redis_server.h - a Redis of the tests' own, in a folder of its own, which ends with the process.
 */
#ifndef TESTS_QUEUE_REDIS_SERVER_H
#define TESTS_QUEUE_REDIS_SERVER_H

/* Starts it with the password "secret: word", keeping all it is told on the disk; of tls, over TLS
 * by a certificate for localhost that redis_folder()/ca.pem vouches for. Returns the port; 0 where
 * none is installed here. */
int redis_start(int tls);
/* Ends it as a crash would; redis_resume() starts it again, with what is on the disk. */
void redis_kill(void);
void redis_resume(void);
const char *redis_folder(void);

#endif

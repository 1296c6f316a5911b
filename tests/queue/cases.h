/*
 * cases.h - what holds of every kind of queue, whatever it is made of.
 */
#ifndef TESTS_QUEUE_CASES_H
#define TESTS_QUEUE_CASES_H

/* Runs all cases, each in a new place that fresh() names; valid until its next call. Returns how
 * many failed. */
int queue_cases(const char *(*fresh)(void));

#endif

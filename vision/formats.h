/*
 * formats.h - which format bytes are of, and who reads it.
 *
 * One table of the formats that are read, which is also where programs learn their names, endings
 * and types (mien_format_at()), and one of those that are not, so that a file of one of them is
 * called by its name. Both go by the first bytes: endings and declared types are wrong too often.
 */
#ifndef MIEN_VISION_FORMATS_H
#define MIEN_VISION_FORMATS_H

#include "vision/codec.h"

/* The decoder of a format that is read; NULL, with MIEN_EFORMAT's sentence, for other bytes. */
codec_decode_fn *format_decoder(const uint8_t *bytes, size_t size);

#endif

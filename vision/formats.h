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

/* Decodes, as codec_decode_fn says, what is of a format that is read; MIEN_EFORMAT for other bytes.
 */
codec_decode_fn format_decode;

#endif

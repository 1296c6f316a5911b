#include "grpc/module/json_message.h"

#include <string>

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

namespace {

bool fill(const json_t *value, Message *out);

/* One value of the field, added where it is a list. */
bool set_value(const json_t *value, Message *out, const FieldDescriptor *f) {
    const Reflection *r = out->GetReflection();
    bool list = f->is_repeated();

    switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
        if (!json_is_number(value)) return false;
        list ? r->AddDouble(out, f, json_number_value(value))
             : r->SetDouble(out, f, json_number_value(value));
        return true;
    case FieldDescriptor::CPPTYPE_FLOAT:
        if (!json_is_number(value)) return false;
        list ? r->AddFloat(out, f, static_cast<float>(json_number_value(value)))
             : r->SetFloat(out, f, static_cast<float>(json_number_value(value)));
        return true;
    case FieldDescriptor::CPPTYPE_INT32:
        if (!json_is_integer(value)) return false;
        list ? r->AddInt32(out, f, static_cast<int>(json_integer_value(value)))
             : r->SetInt32(out, f, static_cast<int>(json_integer_value(value)));
        return true;
    case FieldDescriptor::CPPTYPE_INT64:
        if (!json_is_integer(value)) return false;
        list ? r->AddInt64(out, f, json_integer_value(value))
             : r->SetInt64(out, f, json_integer_value(value));
        return true;
    case FieldDescriptor::CPPTYPE_BOOL:
        if (!json_is_boolean(value)) return false;
        list ? r->AddBool(out, f, json_is_true(value)) : r->SetBool(out, f, json_is_true(value));
        return true;
    case FieldDescriptor::CPPTYPE_STRING: {
        if (!json_is_string(value)) return false;
        std::string text(json_string_value(value), json_string_length(value));
        if (list)
            r->AddString(out, f, std::move(text));
        else
            r->SetString(out, f, std::move(text));
        return true;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return fill(value, list ? r->AddMessage(out, f) : r->MutableMessage(out, f));
    default: return false;
    }
}

/* An entry of a map, which is a message of key and value. */
bool add_entry(const char *key, const json_t *value, Message *out, const FieldDescriptor *map) {
    Message *entry = out->GetReflection()->AddMessage(out, map);

    entry->GetReflection()->SetString(entry, map->message_type()->map_key(), key);
    return set_value(value, entry, map->message_type()->map_value());
}

bool set_field(const json_t *value, Message *out, const FieldDescriptor *f) {
    if (f->is_map()) {
        const char *key;
        json_t *one;
        if (!json_is_object(value)) return false;
        json_object_foreach(const_cast<json_t *>(value), key, one) {
            if (!add_entry(key, one, out, f)) return false;
        }
        return true;
    }
    if (f->is_repeated()) {
        size_t i;
        json_t *one;
        if (!json_is_array(value)) return false;
        json_array_foreach(value, i, one) {
            if (!set_value(one, out, f)) return false;
        }
        return true;
    }
    return set_value(value, out, f);
}

/* The map for what has no field of its own, of a face or a quality. */
const FieldDescriptor *field_of_others(const google::protobuf::Descriptor *d) {
    const FieldDescriptor *measured = d->FindFieldByName("measured");

    if (measured || !d->FindFieldByName("box")) return measured;
    return d->FindFieldByName("attributes");
}

bool fill_object(const json_t *value, Message *out) {
    const FieldDescriptor *others = field_of_others(out->GetDescriptor());
    const char *key;
    json_t *one;

    json_object_foreach(const_cast<json_t *>(value), key, one) {
        const FieldDescriptor *f = out->GetDescriptor()->FindFieldByName(key);
        if (json_is_null(one)) continue;
        if (f && !set_field(one, out, f)) return false;
        if (!f && others && !add_entry(key, one, out, others)) return false;
    }
    return true;
}

/* A number or a list in place of an object goes to the field that is for it. */
bool fill_other(const json_t *value, Message *out) {
    const google::protobuf::Descriptor *d = out->GetDescriptor();
    const FieldDescriptor *f = d->FindFieldByName(json_is_array(value) ? "points" : "number");

    if (f) return set_field(value, out, f);
    if (!json_is_array(value) || json_array_size(value) > static_cast<size_t>(d->field_count()))
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!set_value(json_array_get(value, i), out, d->field(static_cast<int>(i)))) return false;
    return true;
}

bool fill(const json_t *value, Message *out) {
    return json_is_object(value) ? fill_object(value, out) : fill_other(value, out);
}

} // namespace

grpc::Status message_from_json(const json_t *value, Message *out) {
    if (fill(value, out)) return grpc::Status::OK;
    return grpc::Status(grpc::StatusCode::INTERNAL,
                        "an answer does not fit " + out->GetDescriptor()->full_name());
}

grpc::Status message_from_answer(const grpc_answer *answer, Message *out) {
    json_t *root = json_loadb(static_cast<const char *>(answer->body), answer->size, 0, nullptr);
    grpc::Status status = message_from_json(root, out);

    json_decref(root);
    return status;
}

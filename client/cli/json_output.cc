#include "client/cli/json_output.h"

#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/lsn.h"

namespace replicast::cli {
namespace {

using Json = nlohmann::ordered_json;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// DATASET_STATE_READY of enum DatasetState → "ready".
std::string EnumText(const google::protobuf::EnumValueDescriptor& value) {
  std::string prefix;
  for (char c : value.type()->name()) {
    if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  std::string name = value.name();
  if (name.starts_with(prefix + "_")) name = name.substr(prefix.size() + 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

Json MessageToJson(const Message& message) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return absl::FormatTime(absl::RFC3339_full,
                            absl::FromUnixSeconds(time->seconds()) + absl::Nanoseconds(time->nanos()),
                            absl::UTCTimeZone());
  }
  if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
    return static_cast<double>(duration->seconds()) + duration->nanos() * 1e-9;
  }
  return ToJson(message);
}

// One value of a field; `index` < 0: the field is not repeated.
Json FieldToJson(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? r.GetUInt32(message, &field) : r.GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r.GetUInt64(message, &field) : r.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return one ? r.GetFloat(message, &field) : r.GetRepeatedFloat(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(*(one ? r.GetEnum(message, &field) : r.GetRepeatedEnum(message, &field, index)));
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
      return field.type() == FieldDescriptor::TYPE_BYTES ? HexEncode(text) : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageToJson(one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index));
  }
  return nullptr;
}

Json MapToJson(const Message& message, const FieldDescriptor& field) {
  Json object = Json::object();
  const FieldDescriptor& key = *field.message_type()->FindFieldByNumber(1);
  const FieldDescriptor& value = *field.message_type()->FindFieldByNumber(2);
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
    object[FieldToJson(entry, key, -1).get<std::string>()] = FieldToJson(entry, value, -1);
  }
  return object;
}

}  // namespace

Json ToJson(const Message& message) {
  Json object = Json::object();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    Json& slot = object[field.name()];
    if (field.is_map()) {
      slot = MapToJson(message, field);
    } else if (field.is_repeated()) {
      slot = Json::array();
      for (int k = 0; k < reflection.FieldSize(message, &field); ++k) slot.push_back(FieldToJson(message, field, k));
    } else if (field.has_presence() && !reflection.HasField(message, &field)) {
      slot = nullptr;
    } else {
      slot = FieldToJson(message, field, -1);
      if (field.name() == "lsn") object["lsn_text"] = Lsn{reflection.GetUInt64(message, &field)}.ToText();
    }
  }
  return object;
}

Json ErrorToJson(const absl::Status& status) {
  return Json{{"error",
               {{"code", absl::StatusCodeToString(status.code())},
                {"reason", ReasonOf(status)},
                {"message", std::string(status.message())}}}};
}

Json ValueToJson(const Value& value, TextEncoding encoding) {
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      return nullptr;
    case StorageClass::kInteger:
      return std::get<int64_t>(value);
    case StorageClass::kReal:
      return std::get<Real>(value).number;
    case StorageClass::kText:
      return ToUtf8(std::get<Text>(value).bytes, encoding);
    case StorageClass::kBlob:
      return Json{{"blob", HexEncode(std::get<Blob>(value).bytes)}};
  }
  return nullptr;
}

void PrintJson(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void PrintJsonLine(const Json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

void PrintTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace replicast::cli

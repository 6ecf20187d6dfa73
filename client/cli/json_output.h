#ifndef REPLICAST_CLIENT_CLI_JSON_OUTPUT_H_
#define REPLICAST_CLIENT_CLI_JSON_OUTPUT_H_

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/value.h"

namespace replicast::cli {

// The documented shape of --json: a message is an object with every field under its proto name; bytes in hex, 64-bit
// numbers as numbers, enums as their names in lower case without the prefix, Timestamp as RFC 3339 text, Duration as
// seconds, an absent message null, an lsn beside its text form (`lsn`, `lsn_text`).
nlohmann::ordered_json ToJson(const google::protobuf::Message& message);
// {"error": {"code": …, "reason": …, "message": …}}
nlohmann::ordered_json ErrorToJson(const absl::Status& status);
// NULL → null, text → string (what is invalid replaced), blob → {"blob": hex}; others as numbers.
nlohmann::ordered_json ValueToJson(const Value& value, TextEncoding encoding = TextEncoding::kUtf8);

// One object on stdout, indented; `line`: on one line, flushed.
void PrintJson(const nlohmann::ordered_json& json);
void PrintJsonLine(const nlohmann::ordered_json& json);

// Columns padded to their widest cell; the first row is the heading.
void PrintTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_JSON_OUTPUT_H_

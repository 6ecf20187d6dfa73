#ifndef REPLICAST_CLIENT_CLI_DEFINITION_ARGUMENTS_H_
#define REPLICAST_CLIENT_CLI_DEFINITION_ARGUMENTS_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <vector>

#include "common/base/lsn.h"
#include "replicast/v1/types.pb.h"

namespace replicast::cli {

struct DefinitionArguments {
  std::vector<std::string> tables = {};   // --table TABLE[:column,column…]
  std::vector<std::string> filters = {};  // --where TABLE=EXPRESSION
  bool all_tables = false;
  std::vector<std::string> except = {};
};
// INVALID_ARGUMENT (USAGE) says which argument is wrong and how it should look.
absl::StatusOr<v1::Definition> ParseDefinition(const DefinitionArguments& arguments);
// "30s", "24h", "500ms"; a bare number is seconds. `flag` is for the message.
absl::StatusOr<absl::Duration> ParseDuration(const std::string& text, const std::string& flag);
// "HISTORY/LSN" of the position's text form.
absl::StatusOr<v1::Position> ParsePosition(const std::string& text);

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_DEFINITION_ARGUMENTS_H_

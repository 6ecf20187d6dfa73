#include "integration_tests/equivalence/master.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/base/errors.h"

namespace replicast::equivalence {

absl::Status Master::Open(const std::vector<std::string>& ddl, bool in_part) {
  ASSIGN_OR_RETURN(writers_[0], Application::Open(path_));
  for (const std::string& statement : ddl) {
    const absl::Status status = writers_[0]->Run(statement);
    if (!status.ok() && !in_part) return absl::InvalidArgumentError(absl::StrCat(statement, ": ", status.message()));
  }
  for (size_t i = 1; i < writers_.size(); ++i) RETURN_IF_ERROR(OpenWriter(i));
  return absl::OkStatus();
}

absl::Status Master::OpenWriter(size_t number) {
  if (static_cast<int>(number) < kAttaching) {
    ASSIGN_OR_RETURN(writers_[number], Application::Open(path_));
    return absl::OkStatus();
  }
  // Databases that one connection has open keep texts in one encoding.
  ASSIGN_OR_RETURN(const auto encoding, writers_[0]->database().QueryText("PRAGMA encoding"));
  ASSIGN_OR_RETURN(writers_[number], Application::Open(absl::StrCat(path_, "-own", number),
                                                       *TextEncodingFromName(encoding.value_or(""))));
  RETURN_IF_ERROR(writers_[number]->Run("CREATE TABLE own(n)"));
  RETURN_IF_ERROR(writers_[number]->Run("ATTACH " + sqlite::QuoteText(path_) + " AS m"));
  return writers_[number]->Run("PRAGMA m.synchronous=OFF");
}

bool Master::InTransaction() const {
  return std::any_of(writers_.begin(), writers_.end(),
                     [](const auto& writer) { return writer->database().InTransaction(); });
}

absl::Status Master::Run(int number, const std::string& text) {
  Application& application = writer(number);
  if (text == kTriggersOff || text == kTriggersOn) {
    application.EnableTriggers(text == kTriggersOn);
    return absl::OkStatus();
  }
  absl::Status status = application.Run(text);
  const bool ends = absl::StartsWith(text, "COMMIT") || absl::StartsWith(text, "RELEASE whole");
  // Else SQLite 3.40 takes the schema of the failed ALTER for the file's own as soon as another connection changes
  // that.
  const bool alters = absl::StartsWith(text, "ALTER");
  if (!status.ok() && (ends || alters) && application.database().InTransaction())
    RETURN_IF_ERROR(application.Run("ROLLBACK"));
  return status;
}

}  // namespace replicast::equivalence

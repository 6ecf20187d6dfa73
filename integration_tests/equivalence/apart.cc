#include "integration_tests/equivalence/apart.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/errors.h"

namespace replicast::equivalence {
namespace {

// Between the fields that the process tells: what failed (empty: nothing), the message, the text, and the tally's
// names and numbers.
constexpr char kBetween = '\x1f';

std::string Tell(const std::optional<Failure>& failure, const Tally& tally) {
  const Failure told = failure.value_or(Failure());
  std::string all = absl::StrJoin({told.what, told.message, told.text}, std::string(1, kBetween));
  for (const auto& [name, times] : tally.counts()) {
    all += kBetween + name;
    absl::StrAppend(&all, std::string(1, kBetween), times);
  }
  return all;
}

std::optional<Failure> Hear(const std::string& all, Tally& tally) {
  const std::vector<std::string> fields = absl::StrSplit(all, kBetween);
  for (size_t i = 3; i + 1 < fields.size(); i += 2) {
    uint64_t times = 0;
    REPLICAST_CHECK(absl::SimpleAtoi(fields[i + 1], &times));
    tally.Count(fields[i], times);
  }
  if (fields[0].empty()) return std::nullopt;
  return Failure{fields[0], fields[1], fields[2]};
}

std::string AllOf(int pipe) {
  std::string text;
  std::array<char, 8192> buffer{};
  for (ssize_t size = 0; (size = read(pipe, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(size));
  return text;
}

}  // namespace

std::optional<Failure> PlayApart(const Script& script, const PlayOptions& options, Tally& tally) {
  std::array<int, 2> ends{};
  REPLICAST_CHECK(pipe(ends.data()) == 0);
  std::fflush(nullptr);
  const pid_t process = fork();
  REPLICAST_CHECK(process >= 0);
  if (process == 0) {
    close(ends[0]);
    Tally its;
    const std::string all = Tell(Play(script, options, its), its);
    for (size_t told = 0; told < all.size();) {
      const ssize_t more = write(ends[1], all.data() + told, all.size() - told);
      if (more <= 0) _exit(1);
      told += static_cast<size_t>(more);
    }
    std::exit(0);  // and not _exit: sanitizers look for leaks
  }
  close(ends[1]);
  const std::string all = AllOf(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(process, &status, 0);
  if (status == 0) return Hear(all, tally);
  const std::string how =
      WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : absl::StrCat("exit code ", WEXITSTATUS(status));
  return Failure{"the process died: " + how, how,
                 absl::StrCat("seed ", script.seed, ": the process died: ", how, "\n")};
}

}  // namespace replicast::equivalence

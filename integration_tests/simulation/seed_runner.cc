#include "integration_tests/simulation/seed_runner.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/base/errors.h"
#include "integration_tests/simulation/world.h"

namespace replicast::simulation {
namespace {

// A worker tells one line a seed that it begins, and one with its outcome: fields separated by tabs, no line breaks.
std::string ToLine(const SeedOutcome& outcome) {
  std::string violation = outcome.violation;
  for (char& letter : violation) {
    if (letter == '\n' || letter == '\t') letter = ' ';
  }
  std::string line =
      absl::StrCat("done\t", outcome.seed, "\t", outcome.hash, "\t", absl::ToInt64Microseconds(outcome.simulated), "\t",
                   absl::ToInt64Microseconds(outcome.took), "\t", violation);
  for (const auto& [name, times] : outcome.counters) absl::StrAppend(&line, "\t", name, "=", times);
  return line + "\n";
}

SeedOutcome FromLine(const std::vector<std::string>& fields) {
  SeedOutcome outcome;
  outcome.seed = std::stoull(fields[1]);
  outcome.hash = std::stoull(fields[2]);
  outcome.simulated = absl::Microseconds(std::stoll(fields[3]));
  outcome.took = absl::Microseconds(std::stoll(fields[4]));
  outcome.violation = fields[5];
  for (size_t i = 6; i < fields.size(); ++i) {
    const size_t equals = fields[i].rfind('=');
    outcome.counters[fields[i].substr(0, equals)] = std::stoull(fields[i].substr(equals + 1));
  }
  return outcome;
}

struct Worker {
  pid_t process = 0;
  int pipe = -1;
  uint64_t next = 0;     // the seed that it would begin if it had to be started again
  uint64_t running = 0;  // the seed that it runs
  bool busy = false;
  std::string text;
};

void Tell(int pipe, const std::string& line) {
  size_t told = 0;
  while (told < line.size()) {
    const ssize_t more = write(pipe, line.data() + told, line.size() - told);
    if (more <= 0) _exit(1);  // nobody listens any more
    told += static_cast<size_t>(more);
  }
}

void Start(Worker* worker, uint64_t last, uint64_t stride) {
  int ends[2];
  REPLICAST_CHECK(pipe(ends) == 0);
  std::fflush(nullptr);
  worker->process = fork();
  REPLICAST_CHECK(worker->process >= 0);
  if (worker->process == 0) {
    close(ends[0]);
    for (uint64_t seed = worker->next; seed <= last; seed += stride) {
      Tell(ends[1], absl::StrCat("begins\t", seed, "\n"));
      Tell(ends[1], ToLine(RunSeed(seed, false)));
    }
    std::exit(0);  // and not _exit: sanitizers look for leaks, and coverage is written
  }
  close(ends[1]);
  worker->pipe = ends[0];
  worker->busy = false;
  worker->text.clear();
}

}  // namespace

SeedOutcome RunSeed(uint64_t seed, bool prints) {
  const absl::Time begun = absl::Now();
  SeedOutcome outcome;
  outcome.seed = seed;
  const Configuration configuration = Configuration::ForSeed(seed);
  if (prints) absl::PrintF("%s\n", configuration.ToText());
  World world(configuration, prints);
  try {
    world.Run();
  } catch (const Violation& violation) {
    outcome.violation = violation.what();
  }
  outcome.hash = world.trace().hash();
  outcome.simulated = world.trace().elapsed();
  outcome.took = absl::Now() - begun;
  outcome.counters = world.trace().counters();
  return outcome;
}

void RunSeeds(uint64_t first, uint64_t last, int jobs, const std::function<bool(const SeedOutcome&)>& on_outcome) {
  std::vector<Worker> workers(static_cast<size_t>(jobs));
  const auto stride = static_cast<uint64_t>(jobs);
  for (size_t i = 0; i < workers.size(); ++i) {
    workers[i].next = first + i;
    Start(&workers[i], last, stride);
  }
  bool goes_on = true;
  while (goes_on) {
    std::vector<pollfd> polled;
    for (const Worker& worker : workers) {
      if (worker.pipe >= 0) polled.push_back({worker.pipe, POLLIN, 0});
    }
    if (polled.empty()) break;
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    for (Worker& worker : workers) {
      char buffer[8192];
      const bool readable = std::any_of(polled.begin(), polled.end(), [&](const pollfd& each) {
        return each.fd == worker.pipe && each.revents != 0;
      });
      if (!readable) continue;
      const ssize_t size = read(worker.pipe, buffer, sizeof buffer);
      if (size > 0) worker.text.append(buffer, static_cast<size_t>(size));
      for (size_t end = 0; (end = worker.text.find('\n')) != std::string::npos && goes_on;) {
        const std::vector<std::string> fields = absl::StrSplit(worker.text.substr(0, end), '\t');
        worker.text.erase(0, end + 1);
        if (fields[0] == "begins") {
          worker.running = std::stoull(fields[1]);
          worker.busy = true;
        } else {
          worker.busy = false;
          worker.next = worker.running + stride;
          goes_on = on_outcome(FromLine(fields));
        }
      }
      if (size > 0) continue;
      close(worker.pipe);
      worker.pipe = -1;
      int status = 0;
      waitpid(worker.process, &status, 0);
      if ((!worker.busy && status == 0) || !goes_on) continue;
      SeedOutcome died;
      died.seed = worker.running;
      died.violation = WIFSIGNALED(status) ? absl::StrCat("the process died: ", strsignal(WTERMSIG(status)))
                                           : absl::StrCat("the process ended with ", WEXITSTATUS(status));
      goes_on = on_outcome(died);
      worker.next = worker.running + stride;
      if (goes_on && worker.next <= last) Start(&worker, last, stride);
    }
  }
  for (Worker& worker : workers) {
    if (worker.pipe < 0) continue;
    kill(worker.process, SIGKILL);
    waitpid(worker.process, nullptr, 0);
    close(worker.pipe);
  }
}

}  // namespace replicast::simulation

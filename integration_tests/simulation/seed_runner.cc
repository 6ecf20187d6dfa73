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
#include "integration_tests/simulation/scenario.h"

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
  for (const double seconds : outcome.parts) absl::StrAppend(&line, "\t", seconds);
  for (const auto& [name, times] : outcome.counters) absl::StrAppend(&line, "\t", name, "=", times);
  for (const auto& [name, size] : outcome.most) absl::StrAppend(&line, "\t", name, ">", size);
  return line + "\n";
}

SeedOutcome FromLine(const std::vector<std::string>& fields) {
  SeedOutcome outcome;
  outcome.seed = std::stoull(fields[1]);
  outcome.hash = std::stoull(fields[2]);
  outcome.simulated = absl::Microseconds(std::stoll(fields[3]));
  outcome.took = absl::Microseconds(std::stoll(fields[4]));
  outcome.violation = fields[5];
  size_t at = 6;
  for (double& seconds : outcome.parts) seconds = std::stod(fields[at++]);
  for (; at < fields.size(); ++at) {
    const size_t mark = fields[at].find_last_of("=>");
    auto& numbers = fields[at][mark] == '=' ? outcome.counters : outcome.most;
    numbers[fields[at].substr(0, mark)] = std::stoull(fields[at].substr(mark + 1));
  }
  return outcome;
}

SeedOutcome Died(uint64_t seed, int status) {
  SeedOutcome died;
  died.seed = seed;
  died.violation = WIFSIGNALED(status) ? absl::StrCat("the process died: ", strsignal(WTERMSIG(status)))
                                       : absl::StrCat("the process ended with ", WEXITSTATUS(status));
  return died;
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

void Start(Worker* worker, uint64_t last, uint64_t stride, const std::string& settings) {
  int ends[2];
  REPLICAST_CHECK(pipe(ends) == 0);
  std::fflush(nullptr);
  worker->process = fork();
  REPLICAST_CHECK(worker->process >= 0);
  if (worker->process == 0) {
    close(ends[0]);
    for (uint64_t seed = worker->next; seed <= last; seed += stride) {
      Tell(ends[1], absl::StrCat("begins\t", seed, "\n"));
      Configuration configuration = Configuration::ForSeed(seed);
      REPLICAST_CHECK(configuration.Set(settings).ok());
      Tell(ends[1], ToLine(RunWorld(configuration)));
    }
    std::exit(0);  // and not _exit: sanitizers look for leaks, and coverage is written
  }
  close(ends[1]);
  worker->pipe = ends[0];
  worker->busy = false;
  worker->text.clear();
}

}  // namespace

SeedOutcome RunWorld(const Configuration& configuration, const std::vector<std::string>& shows) {
  const absl::Time begun = absl::Now();
  SeedOutcome outcome;
  outcome.seed = configuration.seed;
  World world(configuration, shows);
  try {
    Play(world);
  } catch (const Violation& violation) {
    outcome.violation = violation.what();
  }
  outcome.hash = world.trace.hash();
  outcome.simulated = world.trace.elapsed();
  outcome.took = absl::Now() - begun;
  outcome.counters = world.trace.counters();
  outcome.most = world.trace.most();
  outcome.parts = world.stopwatch.seconds();
  return outcome;
}

SeedOutcome RunApart(const Configuration& configuration) {
  int ends[2];
  REPLICAST_CHECK(pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t process = fork();
  REPLICAST_CHECK(process >= 0);
  if (process == 0) {
    close(ends[0]);
    Tell(ends[1], ToLine(RunWorld(configuration)));
    std::exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[8192];
  for (ssize_t size = 0; (size = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(process, &status, 0);
  if (status == 0 && text.ends_with('\n')) return FromLine(absl::StrSplit(text.substr(0, text.size() - 1), '\t'));
  return Died(configuration.seed, status);
}

void RunSeeds(uint64_t first, uint64_t last, int jobs, const std::string& settings,
              const std::function<bool(const SeedOutcome&)>& on_outcome) {
  std::vector<Worker> workers(static_cast<size_t>(jobs));
  const auto stride = static_cast<uint64_t>(jobs);
  for (size_t i = 0; i < workers.size(); ++i) {
    workers[i].next = first + i;
    Start(&workers[i], last, stride, settings);
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
      goes_on = on_outcome(Died(worker.running, status));
      worker.next = worker.running + stride;
      if (goes_on && worker.next <= last) Start(&worker, last, stride, settings);
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

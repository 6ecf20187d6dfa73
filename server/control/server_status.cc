#include "server/control/server_status.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "server/control/absent_members.h"
#include "server/control/messages.h"

namespace replicast::control {
namespace {

uint64_t ResidentBytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::Duration CpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

void AddCounters(ControlPlane& plane, v1::GetStatusResponse* status) {
  auto& counters = *status->mutable_counters();
  counters["drains"] = plane.engine().drains();
  counters["calls"] = plane.calls();
  counters["calls_refused"] = plane.refused_calls();
  counters["acknowledgements_refused"] = plane.memory().refused();
  counters["open_streams"] = plane.streams().size();
  for (const StreamInfo& info : plane.publisher().Streams()) {
    const auto channel = plane.multicaster().Channel(info.definition_hash);
    if (!channel) continue;
    counters["units_sent"] += channel->counters.messages;
    counters["symbols_sent"] += channel->counters.symbols;
    counters["frames_sent"] += channel->counters.frames;
    counters["bytes_sent"] += channel->counters.bytes;
    counters["heartbeats_sent"] += channel->counters.heartbeats;
    counters["key_updates_sent"] += channel->counters.key_updates;
    counters["symbols_repaired"] += channel->counters.repaired_symbols;
    counters["queued_bytes"] += channel->queued_bytes;
    counters["rows_published"] += info.rows_published;
  }
}

}  // namespace

v1::Stream StreamStatus(ControlPlane& plane, const StreamInfo& info, const Grants::WayCounts& ways) {
  v1::Stream stream = StreamOf(info, plane.multicaster().Channel(info.definition_hash), ways);
  for (v1::PathServer& server : plane.authority().PathOf(info.definition_hash)) *stream.add_path() = std::move(server);
  return stream;
}

v1::GetStatusResponse StatusOf(ControlPlane& plane) {
  const ControlPlane::Facts& facts = plane.facts();
  v1::GetStatusResponse status;
  status.set_server_id(facts.server.ToBytes());
  status.set_version(facts.version);
  status.set_master_path(facts.master_path);
  SetTime(plane.started_at(), status.mutable_started_at());
  status.set_history_id(plane.publisher().history().ToBytes());
  const uint64_t published = plane.publisher().published().number;
  status.set_published_number(published);
  status.set_newest_number(std::max(published, facts.newest_number()));
  SetDuration(std::max(absl::ZeroDuration(), plane.now() - plane.publisher().last_read()),
              status.mutable_detector_age());
  for (const std::string& name : plane.publisher().Datasets()) {
    const auto info = plane.publisher().Dataset(name);
    if (info.ok()) *status.add_datasets() = DatasetOf(name, *info);
  }
  const Grants::WayCounts ways = plane.grants().Ways();
  for (const StreamInfo& info : plane.publisher().Streams()) {
    *status.add_streams() = StreamStatus(plane, info, ways);
  }
  status.set_members(static_cast<uint32_t>(plane.membership().members().Count().value_or(0)));
  status.set_source_problem(plane.engine().problem());
  status.set_comparison(plane.publisher().comparison());
  AddAbsentMembers(plane, &status);
  AddCounters(plane, &status);
  status.set_resident_bytes(ResidentBytes());
  SetDuration(CpuTime(), status.mutable_cpu_time());
  return status;
}

}  // namespace replicast::control

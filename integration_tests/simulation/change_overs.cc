#include "integration_tests/simulation/change_overs.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

namespace replicast::simulation {
namespace {

constexpr int kRounds = 10;
constexpr absl::Duration kAway = absl::Seconds(20);
constexpr absl::Duration kBack = absl::Seconds(15);  // until the next one goes
constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr absl::Duration kWorthTelling = absl::Seconds(5);

std::string AsReplicasKnow(const ServingProcess& server) { return server.address() + ":7420"; }

// What it tells comes, or would be asked for, through the other.
bool LeadsThrough(const ServingProcess& server, const ServingProcess& other) {
  if (&server == &other) return true;
  if (server.decides()) return false;
  const std::vector<ServingProcess*> above = static_cast<const SimulatedRelay&>(server).Asked();
  return std::any_of(above.begin(), above.end(),
                     [&](const ServingProcess* each) { return LeadsThrough(*each, other); });
}

bool Follows(const ReplicaSession& session) {
  return session.phase() == FollowPhase::kLive || session.phase() == FollowPhase::kUnicast;
}

}  // namespace

void ChangeOvers::Run() {
  Weather(world_.configuration.path, world_.configuration.calls);
  world_.StartWriting();
  for (int i = 0; i < kRounds; ++i) Round();
  world_.StopWriting();
  Weather(PathFaults(), CallFaults());
}

void ChangeOvers::Weather(const PathFaults& path, const CallFaults& calls) {
  for (const auto& replica : world_.replicas) {
    replica->path() = path;
    replica->link().faults = calls;
  }
  for (const auto& relay : world_.relays) {
    relay->path() = path;
    relay->SetCallFaults(calls);
  }
}

const ReplicaSession* ChangeOvers::SessionOf(const Sample& sample) {
  if (sample.replica != nullptr) return sample.replica->session();
  const relay::RelayStream* stream = sample.relay->StreamOf(sample.dataset);
  return stream == nullptr ? nullptr : &stream->session();
}

bool ChangeOvers::Able(const ServingProcess& other, const Sample& sample, Way way) {
  if (&other == sample.from || !other.awake() || other.evil() || other.left()) return false;
  // Who is cut off from a server is so alone.
  if (way != Way::kCutOff && LeadsThrough(other, *sample.from)) return false;
  const absl::StatusOr<StreamInfo> stream = other.publisher().Dataset(sample.dataset);
  if (!stream.ok() || stream->state != StreamInfo::State::kReady) return false;
  return other.publisher().KeptFrom(sample.position).has_value();
}

std::vector<ChangeOvers::Sample> ChangeOvers::SamplesAt(const ServingProcess& server, Way way) {
  std::vector<Sample> samples;
  const auto consider = [&](Sample sample, const std::vector<ServingProcess*>& servers,
                            const std::optional<Position>& position) {
    const ReplicaSession* session = SessionOf(sample);
    if (session == nullptr || session->ended() || session->server_away() || !Follows(*session) || !position) return;
    if (session->server() != AsReplicasKnow(server)) return;
    sample.from = &server;
    sample.position = *position;
    if (std::any_of(servers.begin(), servers.end(),
                    [&](const ServingProcess* other) { return Able(*other, sample, way); }))
      samples.push_back(std::move(sample));
  };
  for (SimulatedReplica* replica : world_.Followers()) {
    if (replica->awake())
      consider({replica->name(), replica, nullptr, replica->dataset()}, replica->servers(), replica->position());
  }
  if (way == Way::kCutOff) return samples;
  for (const auto& relay : world_.relays) {
    if (!relay->awake() || relay->left()) continue;
    for (const std::string& dataset : relay->publisher().Datasets()) {
      if (const relay::RelayStream* stream = relay->StreamOf(dataset))
        consider({absl::StrCat(dataset, " of ", relay->name()), nullptr, relay.get(), dataset}, relay->upstreams(),
                 stream->database().position());
    }
  }
  return samples;
}

bool ChangeOvers::LiveElsewhere(const Sample& sample) {
  const ReplicaSession* session = SessionOf(sample);
  if (session == nullptr || session->server_away() || session->server() == AsReplicasKnow(*sample.from) ||
      !Follows(*session))
    return false;
  return session->phase() == FollowPhase::kUnicast ||
         (session->receiver() != nullptr && session->receiver()->last_heard() != absl::InfinitePast());
}

void ChangeOvers::Round() {
  const auto way = static_cast<Way>(world_.random.Below(3));
  std::vector<ServingProcess*> servers = {world_.server.get()};
  for (const auto& relay : world_.relays) {
    if (relay->awake() && !relay->left()) servers.push_back(relay.get());
  }
  ServingProcess* gone = nullptr;
  std::vector<Sample> samples;
  for (ServingProcess* server : servers) {
    std::vector<Sample> at = SamplesAt(*server, way);
    if (at.size() <= samples.size()) continue;
    gone = server;
    samples = std::move(at);
  }
  if (gone != nullptr) {
    TakeAway(*gone, way, samples);
    Watch(std::move(samples));
  }
  world_.RunFor(kBack);
}

void ChangeOvers::TakeAway(ServingProcess& server, Way way, const std::vector<Sample>& samples) {
  static constexpr const char* kWays[] = {"killed", "stopped", "cut off"};
  const char* how = kWays[static_cast<size_t>(way)];
  world_.trace.Note("%s is %s for long", server.name(), how);
  world_.trace.Count(absl::StrCat("fault: server away for long: ", how));
  switch (way) {
    case Way::kKilled:
      server.Kill();
      return server.RestartAfter(kAway);
    case Way::kStopped:
      return server.Pause(kAway);
    case Way::kCutOff:
      for (const Sample& sample : samples) sample.replica->CutOff(&server);
      world_.time.After(kAway, [replicas = samples] {
        for (const Sample& sample : replicas) sample.replica->CutOff(nullptr);
      });
  }
}

void ChangeOvers::Watch(std::vector<Sample> samples) {
  const absl::Time begun = world_.time.clock.Now();
  const auto note = [&](const Sample& sample, absl::Duration took) {
    const std::string_view counter =
        world_.configuration.calls.slow > 0 ? kLiveAgainBySlowCallsWithin : kLiveAgainWithin;
    world_.trace.Count(absl::StrFormat("%s%.1f s", counter, absl::ToDoubleSeconds(took)));
    if (took > kWorthTelling) world_.trace.Note("%s needed %s to change over", sample.who, absl::FormatDuration(took));
  };
  while (world_.time.clock.Now() - begun < kAway) {
    world_.RunFor(kLook);
    std::erase_if(samples, [&](const Sample& sample) {
      const bool live = LiveElsewhere(sample);
      if (live) note(sample, world_.time.clock.Now() - begun);
      return live;
    });
  }
  for (const Sample& sample : samples) note(sample, 2 * kAway);
}

}  // namespace replicast::simulation

#include "integration_tests/simulation/checks.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "client/session/silence_watch.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "integration_tests/simulation/change_overs.h"

namespace replicast::simulation {
namespace {

constexpr absl::Duration kCalm = absl::Minutes(5);      // within it all are equal
constexpr absl::Duration kSettling = absl::Minutes(3);  // longer than every back-off
constexpr absl::Duration kQuiet = absl::Minutes(5);
constexpr absl::Duration kBetweenRows = absl::Minutes(17);
constexpr uint64_t kMostCallsInASecond = 100;
constexpr absl::Duration kSaysSo = absl::Seconds(3);
constexpr absl::Duration kRecovers = absl::Minutes(2);  // multicast must have been sound for a while
constexpr absl::Duration kTailLag = absl::Seconds(3);   // a heartbeat and a repair
constexpr absl::Duration kSaysLoop = absl::Seconds(30);
constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr absl::Duration kOldNews = absl::Seconds(25);  // two boundaries of an idle stream, and a level or two
constexpr absl::Duration kCutOff = absl::Seconds(5);    // a revoked member, at every depth
constexpr uint64_t kOneRowFrames = 12;                  // of a stream: its unit, and heartbeats ever further apart

void Must(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw Violation(absl::StrCat(what, ": ", std::string(status.message())));
}

}  // namespace

std::string Checks::WhyNotEqual(SimulatedReplica& replica) {
  const std::string who = absl::StrCat(replica.name(), " of ", replica.dataset());
  const std::optional<Position> position = replica.position();
  if (!position) return absl::StrCat(who, " shows nothing: ", replica.problem());
  if (position->lsn.number() != world_.history.newest()) {
    return absl::StrCat(who, " stands at ", position->lsn.ToText(), ", the master at ", world_.history.newest(),
                        "; phase ", std::string(PhaseName(replica.session()->phase())));
  }
  const absl::StatusOr<Digest> content = ContentOf(replica);
  if (!content.ok()) return absl::StrCat(who, " can't be read: ", std::string(content.status().message()));
  const auto stream = world_.server->publisher().Dataset(replica.dataset());
  if (!stream.ok()) return absl::StrCat(who, ": ", std::string(stream.status().message()));
  if (position->definition != stream->definition_hash) return who + " shows a former definition";
  const std::vector<DefinitionHash>& hashes = ChoiceOf(replica.dataset()).hashes;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] != position->definition) continue;
    return *content == world_.history.Newest(replica.dataset(), i) ? "" : who + " is not what the master is";
  }
  return who + " has an unknown definition";
}

bool Checks::AllEqual(std::string* why) {
  const Stopwatch::Turn turn(world_.stopwatch, Part::kChecks);
  if (!world_.server->up()) {
    *why = absl::StrCat("the server is down: ", world_.server->problem());
    return false;
  }
  why->clear();
  for (SimulatedReplica* replica : world_.Followers()) {
    *why = WhyNotEqual(*replica);
    if (!why->empty()) return false;
  }
  return true;
}

void Checks::MustBecomeEqual(absl::Duration most, const std::string& what) {
  const absl::Time begun = world_.time.clock.Now();
  std::string why;
  while (!AllEqual(&why)) {
    if (world_.time.clock.Now() - begun > most) {
      for (SimulatedReplica* replica : world_.Followers()) {
        if (replica->up()) world_.trace.Remark(absl::StrCat(replica->name(), " tells ", replica->status()));
      }
      throw Violation(absl::StrCat(what, ": ", why));
    }
    world_.RunFor(absl::Milliseconds(200));
  }
  world_.trace.Note("all equal after %s", absl::FormatDuration(world_.time.clock.Now() - begun));
}

void Checks::WriteOneRow() {
  static constexpr char kSql[] =
      "REPLACE INTO t(id, u, v, w) VALUES(1000001, 1000001, hex(randomblob(8)), 'a');"
      "REPLACE INTO pairs(a, b, note) VALUES(2, 'calm', hex(randomblob(8)))";
  Must(world_.writer.Run(absl::StrCat("BEGIN IMMEDIATE;", kSql, ";COMMIT")), "a writer in calm");
  world_.AfterCommit();
}

void Checks::Calm() {
  for (const auto& replica : world_.replicas) {
    if (replica->ended() && ReasonOf(*replica->ended()) == "MEMBER_REVOKED" &&
        !world_.security.WasRevoked(replica->member()))
      throw Violation(replica->name() + " was told that it is revoked, and nobody revoked it");
  }
  for (int i = 0; i < 100 && !world_.server->awake(); ++i) world_.RunFor(absl::Seconds(1));
  // A change of every table, so that a digest tells who was tampered with.
  WriteOneRow();
  MustBecomeEqual(kCalm, "not equal within five minutes of calm");
  world_.history.EndUnnoted();
}

std::vector<SimulatedReplica*> Checks::Live() {
  std::vector<SimulatedReplica*> live = world_.Followers();
  std::erase_if(live, [](SimulatedReplica* replica) {
    return !replica->up() || replica->session()->phase() != FollowPhase::kLive;
  });
  return live;
}

std::vector<SimulatedRelay*> Checks::Relays() {
  std::vector<SimulatedRelay*> relays;
  for (const auto& relay : world_.relays) {
    if (!relay->left()) relays.push_back(relay.get());
  }
  return relays;
}

void Checks::MustNotComplain(const std::vector<SimulatedReplica*>& replicas) {
  world_.trace.Count("quiet seconds in which nobody complained");
  if (!world_.server->problem().empty()) throw Violation("the server complains: " + world_.server->problem());
  for (SimulatedRelay* relay : Relays()) {
    if (!relay->problem().empty() && world_.insider->forged() == 0)
      throw Violation(relay->name() + " complains: " + relay->problem());
  }
  for (SimulatedReplica* replica : replicas) {
    if (replica->problem().empty()) continue;
    // Who forged sequences ahead silences the stream when it gets there, and that is to be said.
    const bool forestalled = world_.time.clock.Now() - replica->forestalled_at() < SilenceWatch::kSilence;
    if (world_.insider->forged() == 0 || !forestalled)
      throw Violation(replica->name() + " complains: " + replica->problem());
    world_.trace.Count("quiet seconds silenced by sequences that a member forged");
  }
}

void Checks::Quiet() {
  world_.RunFor(kSettling);
  const absl::Duration quiet = std::max(kQuiet, absl::Hours(world_.configuration.quiet_hours));
  // A member that forged far sequences keeps others on unicast until they are reached, or the next epoch comes.
  const std::vector<SimulatedReplica*> live = Live();
  std::vector<uint64_t> calls;
  for (SimulatedReplica* replica : live) calls.push_back(replica->link().calls);
  const std::vector<SimulatedRelay*> relays = Relays();
  std::vector<uint64_t> relays_calls;
  for (SimulatedRelay* relay : relays) relays_calls.push_back(relay->calls_as_member());
  absl::Duration next_row = kBetweenRows;
  for (absl::Duration passed; passed < quiet; passed += absl::Seconds(1)) {
    world_.RunFor(absl::Seconds(1));
    MustNotComplain(live);
    if (passed < next_row) continue;
    next_row += kBetweenRows;
    WriteOneRow();
  }
  MustBecomeEqual(absl::Seconds(2), "equal, and then no more");
  const uint64_t most = static_cast<uint64_t>(quiet / absl::Minutes(1)) + world_.insider->forged();
  for (size_t i = 0; i < live.size(); ++i) {
    const uint64_t made = live[i]->link().calls - calls[i];
    // What an evil relay withholds is missed, and missing is reported.
    if (made > most && !live[i]->link().server().evil()) {
      throw Violation(absl::StrCat(
          live[i]->name(), " made ", made, " calls of ", live[i]->link().server().name(), " in ",
          absl::FormatDuration(quiet), " of quiet, missing ",
          live[i]->session()->receiver() == nullptr ? 0 : live[i]->session()->receiver()->counters().missing_symbols));
    }
  }
  for (SimulatedReplica* replica : Live()) {
    const ServingProcess& by = replica->link().server();
    if (by.decides() || world_.insider->forged() > 0) continue;
    const absl::Duration age = world_.time.clock.Wall() - replica->database()->master_time();
    if (age > kOldNews)
      throw Violation(absl::StrCat(replica->name(), " has no news of the master for ", absl::FormatDuration(age)));
  }
  // Upstream it is one member of each dataset, whatever hangs below it.
  for (size_t i = 0; i < relays.size(); ++i) {
    const uint64_t made = relays[i]->calls_as_member() - relays_calls[i];
    if (made > (most + 2) * static_cast<uint64_t>(world_.configuration.datasets)) {
      throw Violation(
          absl::StrCat(relays[i]->name(), " made ", made, " calls in ", absl::FormatDuration(quiet), " of quiet"));
    }
  }
}

void Checks::OneRow() {
  const std::vector<SimulatedReplica*> followers = Live();
  if (followers.size() < world_.Followers().size()) return;
  uint64_t calls = 0, reports = 0;
  const auto count = [&](uint64_t sign) {
    for (SimulatedReplica* replica : followers) {
      calls += sign * (replica->link().calls - replica->link().reports);
      reports += sign * replica->link().reports;
    }
  };
  count(-1);
  // Key updates are the timers', not the row's.
  const uint64_t sent_before = world_.security.frames();
  WriteOneRow();
  world_.RunFor(absl::Milliseconds(900));
  count(1);
  const uint64_t sent = world_.security.frames() - sent_before;
  uint64_t streams = world_.server->publisher().Streams().size();
  for (SimulatedRelay* relay : Relays()) streams += relay->up() ? relay->publisher().Streams().size() : 0;
  if (sent > kOneRowFrames * streams) {
    throw Violation(
        absl::StrCat("one row took ", sent, " frames to ", followers.size(), " replicas of ", streams, " streams"));
  }
  // One may be due anyway, and more than one report.
  if (calls > 1 + followers.size() / 20 || reports > std::max<uint64_t>(2, followers.size() / 2)) {
    throw Violation(absl::StrCat("one row made ", followers.size(), " live replicas call ", calls, " times and report ",
                                 reports, " times"));
  }
  MustBecomeEqual(absl::Seconds(2), "not equal two seconds after a row");
}

void Checks::LostTail() {
  const std::vector<SimulatedReplica*> live = Live();
  if (live.empty()) return;
  // All of the unit, and with it the first heartbeats, which come fast.
  SimulatedReplica& replica = *live[world_.random.Below(live.size())];
  replica.path().cut = true;
  WriteOneRow();
  world_.RunFor(absl::Milliseconds(600));
  replica.path().cut = false;
  world_.trace.Count("tails lost on purpose");
  MustBecomeEqual(kTailLag, "a lost end was not repaired in time");
}

void Checks::Tree() {
  if (Relays().empty()) return;
  ChangedOver();
  Astray();
  Repointed();
  RelayKilled();
  RevokedBehindRelays();
}

uint64_t Checks::Snapshots(const std::vector<SimulatedReplica*>& replicas) {
  uint64_t snapshots = 0;
  for (SimulatedReplica* replica : replicas) snapshots += replica->session()->content().counters().snapshots;
  return snapshots;
}

void Checks::ChangedOver() {
  ChangeOvers(world_).Run();
  MustBecomeEqual(kCalm, "not equal after servers were away");
  world_.RunFor(kSettling);
}

// Not where it still asks another server: what it follows leads nowhere else.
void Checks::Astray() {
  std::vector<SimulatedRelay*> relays = Relays();
  // One that follows nothing asks nobody.
  std::erase_if(relays, [](SimulatedRelay* relay) {
    return !relay->up() || relay->evil() || relay->publisher().Datasets().empty();
  });
  if (relays.empty()) return;
  SimulatedRelay& relay = *relays[world_.random.Below(relays.size())];
  std::vector<SimulatedRelay*> below = {&relay};
  for (SimulatedRelay* other : Relays()) {
    if (other->upstreams() == std::vector<ServingProcess*>{&relay}) below.push_back(other);
  }
  SimulatedRelay& at = *below[world_.random.Below(below.size())];
  world_.trace.Count(&at == &relay ? "relay: pointed at itself" : "relay: pointed at one below it");
  relay.PointAstray(at);
  relay.RestartAfter(absl::Seconds(1));
  const auto says = [&] { return relay.problem().find("another server above") != std::string::npos; };
  for (absl::Duration passed; !says(); passed += kLook) {
    if (passed > kSaysLoop)
      throw Violation(absl::StrCat(relay.name(), " does not say that it is in a circle: ", relay.problem()));
    world_.RunFor(kLook);
  }
  relay.PointBack();
  WriteOneRow();
  MustBecomeEqual(kCalm, "not equal after a relay was pointed back");
  world_.RunFor(kSettling);
}

void Checks::Repointed() {
  const std::vector<SimulatedReplica*> live = Live();
  if (live.empty()) return;
  SimulatedReplica& replica = *live[world_.random.Below(live.size())];
  std::vector<ServingProcess*> servers = {world_.server.get()};
  for (SimulatedRelay* relay : Relays()) servers.push_back(relay);
  ServingProcess& other = *servers[world_.random.Below(servers.size())];
  const bool reached = other.up() && other.publisher().KeptFrom(*replica.position()).has_value();
  world_.trace.Count(reached ? "relay: replica pointed at a server whose units reach it"
                             : "relay: replica pointed at a server that follows its dataset anew");
  replica.PointAt(other);
  WriteOneRow();
  MustBecomeEqual(kRecovers, "not equal after it was pointed at another server");
  if (reached && Snapshots({&replica}) > 0)
    throw Violation(replica.name() + " took a snapshot from " + other.name() + ", whose units lead on");
}

void Checks::RelayKilled() {
  const std::vector<SimulatedRelay*> relays = Relays();
  SimulatedRelay& relay = *relays[world_.random.Below(relays.size())];
  const std::vector<SimulatedReplica*> live = Live();
  const uint64_t before = Snapshots(live);
  relay.Kill();
  WriteOneRow();
  MustBecomeEqual(kRecovers, "not equal after a relay was killed");
  world_.trace.Count("relay: killed in calm");
  if (Snapshots(live) > before) throw Violation("a snapshot followed the restart of " + relay.name());
}

void Checks::RevokedBehindRelays() {
  std::vector<SimulatedReplica*> live = Live();
  std::erase_if(live, [](SimulatedReplica* replica) { return replica->link().server().decides(); });
  if (live.empty() || !world_.server->awake()) return;
  SimulatedReplica& replica = *live[world_.random.Below(live.size())];
  // Where it is refused it may ask another, which never knew it.
  const ServingProcess& by = replica.link().server();
  world_.Revoke(replica.member());
  world_.RunFor(kCutOff);
  world_.trace.Count(absl::StrCat("relay: member revoked at depth ", world_.DepthOf(by)));
  if (!by.up()) return;
  const absl::StatusOr<Member> known = by.membership().members().Get(replica.member());
  if (!known.ok() || !known->revoked) throw Violation(by.name() + " was not told that a member is revoked");
  MustBecomeEqual(kRecovers, "not equal after a member was revoked");
}

void Checks::MustSay(const std::function<std::string()>& problem, bool something, absl::Duration within,
                     const std::string& what) {
  const absl::Time begun = world_.time.clock.Now();
  while (problem().empty() == something) {
    if (world_.time.clock.Now() - begun > within) {
      throw Violation(
          absl::StrCat(what, something ? ": status does not say so" : ", and over: status still says ", problem()));
    }
    world_.RunFor(absl::Milliseconds(100));
  }
}

void Checks::Freeze() {
  std::vector<SimulatedReplica*> live = Live();
  // Who has another server changes over, and has nothing to complain of.
  std::erase_if(live, [](SimulatedReplica* replica) { return replica->servers().size() > 1; });
  if (live.empty()) return;
  SimulatedReplica& replica = *live[world_.random.Below(live.size())];
  const auto of_replica = [&] { return replica.problem(); };
  const auto of_server = [&] { return world_.server->problem(); };
  const auto frozen = [&](const std::string& what, const std::function<std::string()>& problem,
                          const std::function<void()>& freeze, const std::function<void()>& thaw) {
    world_.trace.Note("%s", what);
    world_.trace.Count("frozen: " + what);
    freeze();
    MustSay(problem, true, kSaysSo, what);
    world_.RunFor(absl::Seconds(10));
    thaw();
    MustSay(problem, false, kRecovers, what);
  };
  switch (world_.random.Below(6)) {
    case 0:
      frozen(
          "the server is stopped", of_replica, [&] { replica.link().server().Pause(absl::Seconds(12)); }, [] {});
      break;
    case 1:
      frozen(
          "the server's socket takes nothing", of_replica, [&] { world_.network.SetBlocked(true); },
          [&] { world_.network.SetBlocked(false); });
      break;
    case 2:
      frozen(
          "a replica hears nothing", of_replica, [&] { replica.path().cut = true; },
          [&] { replica.path().cut = false; });
      break;
    case 3:
      frozen(
          "a replica's disk is full", of_replica,
          [&] {
            replica.disk().SetCapacity(0);
            WriteOneRow();
          },
          [&] { replica.disk().SetCapacity(UINT64_MAX); });
      break;
    case 4:
      frozen(
          "the server's disk is full", of_server,
          [&] {
            WriteOneRow();
            world_.disk.SetCapacity(0);
          },
          [&] { world_.disk.SetCapacity(UINT64_MAX); });
      break;
    default: {
      SimulatedDisk::Image master;
      frozen(
          "the master is not there", of_server,
          [&] {
            world_.writer.Kill();
            world_.holder.Kill();
            master = world_.disk.Copy("/master/");
            world_.disk.Restore("/master/", {});
          },
          [&] { world_.disk.Restore("/master/", master); });
    }
  }
  MustBecomeEqual(kCalm, "not equal after a part was stopped");
}

void CheckBounds(World& world) {
  const auto bound = [](uint64_t value, uint64_t most, const std::string& what) {
    if (value > most) throw Violation(absl::StrCat(what, " takes ", value, ", more than ", most));
  };
  if (world.server->up()) {
    uint64_t stored = 0, queued = 0;
    for (const StreamInfo& stream : world.server->publisher().Streams()) {
      stored += stream.stored_bytes;
      const auto channel = world.server->multicaster().Channel(stream.definition_hash);
      if (channel) queued = std::max<uint64_t>(queued, channel->queued_bytes);
    }
    world.trace.Most("bytes in the unit store beyond its limit",
                     stored - std::min<uint64_t>(stored, world.configuration.server.unit_store_bytes));
    world.trace.Most("bytes queued by a stream", queued);
    bound(queued, 4u << 20, "a stream's queue");
  }
  for (const auto& relay : world.relays) {
    world.trace.Most("bytes of a relay's files", relay->disk().used(""));
    world.trace.Most("calls of a relay in a second", relay->busiest_second());
    bound(relay->busiest_second(), kMostCallsInASecond, "calls of " + relay->name() + " in a second");
    if (!relay->up()) continue;
    for (const StreamInfo& stream : relay->publisher().Streams()) {
      const auto channel = relay->multicaster().Channel(stream.definition_hash);
      if (channel) bound(channel->queued_bytes, 4u << 20, "a stream's queue at a relay");
    }
  }
  bound(world.server->process().changes("/master/"), world.master_changes, "the server's writes to the master");
  world.trace.Most("bytes of the server's folder", world.disk.used(SimulatedServer::kFolder));
  for (SimulatedReplica* replica : world.Followers()) {
    world.trace.Most("bytes of a replica's files", replica->disk().used(""));
    world.trace.Most("calls of a replica in a second", replica->link().busiest_second());
    bound(replica->link().busiest_second(), kMostCallsInASecond, "calls of " + replica->name() + " in a second");
    if (replica->up()) {
      world.trace.Most("bytes of units that a replica keeps aside", replica->session()->content().held_bytes());
    }
  }
}

}  // namespace replicast::simulation

#include "client/session/session_world.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/sqlite/database.h"

namespace replicast {

SessionWorld::SessionWorld(uint64_t seed) : random(seed), server(time, random) {
  server.sink = [this](const std::string& datagram) {
    if (session != nullptr && listening) session->OnDatagram(datagram, time.clock.Now());
  };
}

SessionWorld::~SessionWorld() { StopReplica(); }

void SessionWorld::StopReplica() {
  session.reset();
  database.reset();
  listening = false;
}

void SessionWorld::StartReplica() {
  doors.current = 0;
  auto opened = ReplicaDatabase::Open({.path = path_, .vfs = "", .create = true}, time.clock);
  ASSERT_TRUE(opened.ok()) << opened.status();
  database = *std::move(opened);
  ReplicaSession::Options options = choices;
  options.dataset = "d";
  options.servers = servers;
  options.member = server.member;
  options.x25519 = server.member_x25519;
  options.ca_pem = server.ca_pem;
  options.transport = transport;
  options.renew_at = renew_at;
  session = std::make_unique<ReplicaSession>(options, *database, doors, *this, random, ReplicaSession::Buffers());
}

absl::Status SessionWorld::Listen(const v1::Grant&) {
  ++listens;
  listening = listen_status.ok();
  return listen_status;
}

absl::Time SessionWorld::OnRenewed(const v1::RenewResponse&, absl::Time now) {
  ++renewals;
  return now + absl::Hours(24 * 200);
}

void SessionWorld::Step() {
  server.Poll();
  if (session != nullptr) session->OnTime(time.clock.Now());
  absl::Time next = std::min(time.next(), server.NextDeadline());
  if (session != nullptr) next = std::min(next, session->NextDeadline());
  // Nothing may ask for work at once forever: in a daemon that would be a busy loop.
  spins_ = next <= time.clock.Now() ? spins_ + 1 : 0;
  REPLICAST_CHECK(spins_ < 1000);
  // Time moves by a microsecond at least, so that nothing can stand still in it.
  time.clock.Advance(std::clamp(next - time.clock.Now(), absl::Microseconds(1), absl::Milliseconds(500)));
  time.RunDue();
}

void SessionWorld::RunFor(absl::Duration duration) {
  const absl::Time end = time.clock.Now() + duration;
  while (time.clock.Now() < end) Step();
}

bool SessionWorld::RunUntil(const std::function<bool()>& condition, absl::Duration most) {
  const absl::Time end = time.clock.Now() + most;
  while (time.clock.Now() < end) {
    if (condition()) return true;
    Step();
  }
  return condition();
}

bool SessionWorld::RunUntilEqual(absl::Duration most) {
  return RunUntil(
      [&] {
        return database != nullptr && database->position() && *database->position() == server.position() &&
               Shown() == server.rows();
      },
      most);
}

std::optional<std::map<int64_t, std::string>> SessionWorld::Shown() const {
  const auto reader = sqlite::Database::Open(path_, {});
  if (!reader.ok()) return std::nullopt;
  auto select = (*reader)->Prepare("SELECT id, v FROM t");
  if (!select.ok()) return std::nullopt;
  std::map<int64_t, std::string> rows;
  for (auto row = select->Step(); row.ok() && *row; row = select->Step()) {
    rows[std::get<int64_t>(select->Column(0))] = std::get<Text>(select->Column(1)).bytes;
  }
  return rows;
}

bool SessionWorld::Said(const std::string& text) const { return TimesSaid(text) > 0; }

int SessionWorld::TimesSaid(const std::string& text) const {
  int count = 0;
  for (const std::string& line : said) count += line.find(text) != std::string::npos ? 1 : 0;
  return count;
}

void SessionWorld::Tamper(const std::string& sql) {
  auto other = sqlite::Database::Open(path_, {});
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE((*other)->Execute(sql).ok());
}

}  // namespace replicast

#include "client/replica_daemon.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "client/control/enrolment.h"
#include "common/base/errors.h"
#include "common/base/log.h"

namespace replicast {
namespace {

// Changes of interfaces come several at once.
constexpr absl::Duration kSettleInterfaces = absl::Milliseconds(200);

}  // namespace

ReplicaDaemon::ReplicaDaemon(Options options, MemberCredential credential, ReplicaDatabase& database,
                             DatabaseLock& lock, net::EventLoop& loop, Random& random)
    : options_(std::move(options)),
      credential_(std::move(credential)),
      database_(database),
      lock_(lock),
      loop_(loop),
      random_(random),
      progress_(stderr, isatty(STDERR_FILENO) != 0),
      control_(loop, CredentialFor(0)),
      pump_(loop, {.interface = options_.settings.interface, .faults = options_.faults},
            [this](std::string_view datagram) { session_.OnDatagram(datagram, clock_.Now()); }),
      session_(SessionOptions(), database, control_, *this, random, {}) {}

ReplicaDaemon::~ReplicaDaemon() {
  if (interfaces_ != nullptr) loop_.Unwatch(interfaces_->descriptor());
  loop_.SetTick(nullptr);
}

ReplicaSession::Options ReplicaDaemon::SessionOptions() {
  std::optional<v1::Definition> narrowing;
  if (!options_.settings.narrowing.empty() && !narrowing.emplace().ParseFromString(options_.settings.narrowing))
    narrowing.reset();
  std::vector<DailyWindow> schedule;
  for (const std::string& text : options_.settings.schedule) {
    if (const auto window = ParseWindow(text)) schedule.push_back(*window);
  }
  return {.dataset = options_.settings.dataset,
          .servers = Servers(),
          .member = credential_.member,
          .instance = random_.Bytes(16),
          .x25519 = credential_.x25519,
          .ca_pem = credential_.rpc.ca_pem,
          .max_rate_bytes_per_second = options_.settings.max_rate_bytes_per_second,
          .narrowing = std::move(narrowing),
          .transport = TransportNamed(options_.settings.transport),
          .memory = options_.settings.server_remembers ? v1::MEMORY_SERVER : v1::MEMORY_CLIENT,
          .until = options_.until,
          .schedule = std::move(schedule),
          .zone = absl::LocalTimeZone(),
          .rate_cap_bytes_per_second = options_.settings.rate_cap_bytes_per_second,
          .renew_at = RenewAt(clock_.Now())};
}

std::vector<std::string> ReplicaDaemon::Servers() const {
  return options_.settings.servers.empty() ? std::vector<std::string>{credential_.rpc.address}
                                           : options_.settings.servers;
}

void ReplicaDaemon::UseServer(size_t index) {
  server_ = index;
  control_.UseCredentials(CredentialFor(index));
}

rpc::Credentials ReplicaDaemon::CredentialFor(size_t server) const {
  rpc::Credentials credentials = credential_.rpc;
  credentials.address = Servers()[server];
  return credentials;
}

absl::Status ReplicaDaemon::Run() {
  WatchInterfaces();
  loop_.SetTick([this] { return Tick(); });
  loop_.Run();
  pump_.Stop();
  absl::Status finished = database_.SetDaemonState(DaemonStateJson(session_, pump_.dropped(), clock_.Now(), true));
  if (finished.ok()) finished = database_.Checkpoint();
  if (!session_.ended()) return finished;
  const absl::Status& ended = *session_.ended();
  if (ended.ok()) {
    std::printf("replicast-replica reached dataset=%s position=%s\n", options_.settings.dataset.c_str(),
                database_.position()->ToText().c_str());
    return finished;
  }
  if (ended.code() != absl::StatusCode::kPermissionDenied && ended.code() != absl::StatusCode::kUnauthenticated)
    return ended;
  return Error(ended.code(), ReasonOf(ended),
               std::string(ended.message()) + "; receiving has stopped, the database stays as it is");
}

absl::Time ReplicaDaemon::Tick() {
  const absl::Time now = clock_.Now();
  LookAtInterfaces(now);
  session_.OnTime(now);
  ShowProgress(now);
  if (now >= state_writer_.NextDeadline()) WriteState(now);
  Beat(now);
  if (session_.ended()) loop_.Stop();
  return std::min(
      {session_.NextDeadline(), progress_.NextDeadline(), state_writer_.NextDeadline(), next_beat_, look_at_});
}

void ReplicaDaemon::WatchInterfaces() {
  auto watch = net::InterfaceWatch::Open();
  if (!watch.ok()) return spdlog::warn("{}", std::string(watch.status().message()));
  interfaces_ = *std::move(watch);
  loop_.Watch(interfaces_->descriptor(), [this] {
    interfaces_->Drain();
    look_at_ = std::min(look_at_, clock_.Now() + kSettleInterfaces);
  });
}

void ReplicaDaemon::LookAtInterfaces(absl::Time now) {
  if (now < look_at_) return;
  look_at_ = absl::InfiniteFuture();
  if (pump_.Outdated()) session_.OnNetworkChanged(now);
}

void ReplicaDaemon::Beat(absl::Time now) {
  std::string problem = session_.Problem(now);
  if (now < next_beat_ && problem == told_problem_) return;
  lock_.Beat(problem);
  database_.ShortenLog().IgnoreError();  // a machine that can't will be told of by the next unit
  told_problem_ = std::move(problem);
  next_beat_ = now + DatabaseLock::kBeat / 2;
}

void ReplicaDaemon::ShowProgress(absl::Time now) {
  if (session_.phase() == FollowPhase::kSnapshot) {
    snapshot_shown_ = false;
    const ReplicaDatabase::StagingProgress staging = database_.staging();
    progress_.Update(staging.rows, staging.bytes, session_.content().snapshot_rows_total(), now);
  } else if (!snapshot_shown_ && session_.phase() == FollowPhase::kLive) {
    snapshot_shown_ = true;
    progress_.Done(now);
  }
}

void ReplicaDaemon::WriteState(absl::Time now) {
  const std::optional<std::string> json = state_writer_.Due(session_, pump_.dropped(), now);
  if (!json) return;
  const absl::Status written = database_.SetDaemonState(*json);
  if (!written.ok()) spdlog::debug("the daemon's state could not be stored: {}", std::string(written.message()));
}

absl::Status ReplicaDaemon::Listen(const v1::Grant& grant) {
  spdlog::debug("listening to {}:{} from {}", grant.group(), grant.port(), grant.source());
  return pump_.Listen(grant.group(), static_cast<uint16_t>(grant.port()), grant.source());
}

void ReplicaDaemon::OnLive(const Position& position) {
  ShowProgress(clock_.Now());
  std::printf("replicast-replica live dataset=%s position=%s\n", options_.settings.dataset.c_str(),
              position.ToText().c_str());
  std::fflush(stdout);
}

absl::Time ReplicaDaemon::RenewAt(absl::Time now) {
  // Two thirds through its life, give or take, so that members enrolled together do not all come back at once.
  const absl::Duration life = credential_.not_after - credential_.not_before;
  const absl::Time wall = credential_.not_before + life * (0.60 + 0.1 * random_.Unit());
  return now + std::max(wall - clock_.Wall(), absl::ZeroDuration());
}

v1::RenewRequest ReplicaDaemon::MakeRenewal() { return RenewalFor(credential_); }

absl::Time ReplicaDaemon::OnRenewed(const v1::RenewResponse& response, absl::Time now) {
  constexpr absl::Duration kRetry = absl::Hours(1);
  absl::Status taken = TakeRenewed(response, &credential_);
  if (taken.ok()) taken = SaveMember(options_.folder, credential_, options_.settings);
  if (!taken.ok()) {
    Say("the renewed certificate can't be kept: " + std::string(taken.message()));
    return now + kRetry;
  }
  control_.UseCredentials(CredentialFor(server_));
  return RenewAt(now);
}

}  // namespace replicast

#include "integration_tests/simulation/control_link.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/token.h"
#include "server/control/rate_service.h"

namespace replicast::simulation {
namespace {

constexpr size_t kQueued = 2;  // as rpc::ServerStream
constexpr int kReadAhead = 4;  // messages that a client takes before it asks

absl::Status Away() { return absl::UnavailableError("connection refused"); }

}  // namespace

// --- server streams

// The client's end: gives messages while it has asked for them.
template <typename Response>
class ControlLink::ClientSide {
 public:
  std::function<void(Response)> on_message;
  std::function<void(absl::Status)> on_end;
  std::function<void()> wake;
  std::weak_ptr<ServerSide<Response>> server;
  std::deque<Response> arrived;
  int credits = kReadAhead;
  std::optional<absl::Status> ended;
  bool open = true;  // the session holds it

  void Deliver() {
    while (open && credits > 0 && !arrived.empty()) {
      --credits;
      Response message = std::move(arrived.front());
      arrived.pop_front();
      on_message(std::move(message));
    }
    if (open && arrived.empty() && ended) {
      open = false;
      on_end(*ended);
    }
    wake();
  }
};

// The server's end: messages are under way for a latency, two at a time.
template <typename Response>
class ControlLink::ServerSide : public rpc::MessageWriter<Response>,
                                public std::enable_shared_from_this<ServerSide<Response>> {
 public:
  ServerSide(ControlLink& link, ServingProcess& server, std::shared_ptr<ClientSide<Response>> client)
      : link_(&link), server_(server), link_alive_(link.alive_), run_(server.run()), client_(std::move(client)) {}
  // What filled it is gone: the server died.
  ~ServerSide() override {
    if (!over_) Finish(Away());
  }

  void SetWanted(std::function<void()> wanted) override { wanted_ = std::move(wanted); }
  bool HasRoom() const override { return !ending_ && !over_ && under_way_ < kQueued; }
  void Write(Response message) override {
    if (ending_ || over_) return;
    if (link_alive_.expired() || link_->faults.Cuts(server_) || link_->faults.cut_answers ||
        link_->Happens(link_->faults.cut_stream)) {
      if (!link_alive_.expired()) link_->trace_.Count("fault: server stream cut");
      return Finish(absl::UnavailableError("the connection was lost"));
    }
    ++under_way_;
    link_->time_.At(Arrival(), [self = this->shared_from_this(), message = std::move(message)]() mutable {
      self->client_->arrived.push_back(std::move(message));
      self->client_->Deliver();
      self->TakeBack();
    });
  }
  void End(const absl::Status& status) override {
    if (!ending_ && !over_) Finish(status);
  }
  void Cut(const absl::Status& status) override {
    if (!over_) Finish(status);
  }
  void Break() override { Cancel(); }
  bool over() const override { return over_; }

  // The client has gone, or the server.
  void Cancel() {
    over_ = true;
    Want();
  }
  // The client took what had arrived.
  void TakeBack() {
    if (client_->arrived.size() + 1 > kReadAhead) return;
    if (under_way_ > 0) --under_way_;
    Want();
  }

 private:
  void Want() {
    if (wanted_ && !link_alive_.expired() && server_.run() == run_) wanted_();
  }
  // Never before what was written before it.
  absl::Time Arrival() {
    const absl::Time now = link_->time_.clock.Now();
    return last_arrival_ = std::max(last_arrival_, now + link_->Latency());
  }
  void Finish(const absl::Status& status) {
    ending_ = true;
    over_ = true;
    if (link_alive_.expired()) return;
    link_->trace_.Remark(absl::StrCat("a stream of ", link_->title(), " ends: ", status.ToString()));
    link_->time_.At(Arrival(), [client = client_, status] {
      client->ended = status;
      client->Deliver();
    });
  }

  ControlLink* link_;
  ServingProcess& server_;
  std::weak_ptr<bool> link_alive_;
  const uint64_t run_;  // of the server
  std::shared_ptr<ClientSide<Response>> client_;
  std::function<void()> wanted_;
  size_t under_way_ = 0;
  bool ending_ = false, over_ = false;
  absl::Time last_arrival_ = absl::InfinitePast();
};

namespace {

// What a session holds: asks for the next message, cancels when it goes.
template <typename Client, typename Server>
class Handle : public ControlChannel::Stream {
 public:
  Handle(VirtualTime& time, std::shared_ptr<Client> client) : time_(time), client_(std::move(client)) {}
  ~Handle() override {
    client_->open = false;
    time_.Post([server = client_->server] {
      if (const auto open = server.lock()) open->Cancel();
    });
  }
  void Ready() override {
    ++client_->credits;
    time_.Post([client = client_] {
      client->Deliver();
      if (const auto open = client->server.lock()) open->TakeBack();
    });
  }

 private:
  VirtualTime& time_;
  const std::shared_ptr<Client> client_;
};

}  // namespace

// --- the link

ControlLink::ControlLink(VirtualTime& time, Random& random, Trace& trace, Stopwatch& stopwatch, ServingProcess& server,
                         CallObserver& observer, const rpc::Peer& self)
    : time_(time),
      random_(random),
      trace_(trace),
      stopwatch_(stopwatch),
      server_(&server),
      observer_(observer),
      self_(self) {}

ControlLink::~ControlLink() = default;

absl::Duration ControlLink::Latency() {
  if (!Happens(faults.slow)) return absl::Seconds(faults.latency * (0.5 + random_.Unit()));
  trace_.Count("fault: message slow");
  return absl::Seconds(faults.slowest * random_.Unit());
}

void ControlLink::Arrive(ServingProcess& server, const std::function<void()>& work) {
  time_.After(Latency(),
              [this, &server, alive = std::weak_ptr<bool>(alive_), work] { WhenAwake(server, alive, work); });
}

void ControlLink::WhenAwake(ServingProcess& server, const std::weak_ptr<bool>& alive,
                            const std::function<void()>& work) {
  if (alive.expired()) return;
  if (!server.up() || server.awake()) return work();
  time_.At(server.awake_at(), [this, &server, alive, work] { WhenAwake(server, alive, work); });
}

void ControlLink::CountCall(const std::string& method, const char* verb) {
  ++calls;
  trace_.Count("call " + method);
  trace_.Remark(absl::StrCat(title(), verb, method));
  if (time_.clock.Now() - second_ > absl::Seconds(1)) {
    second_ = time_.clock.Now();
    calls_in_second_ = 0;
  }
  busiest_second_ = std::max(busiest_second_, ++calls_in_second_);
}

template <typename Response>
void ControlLink::Call(const std::string& method, Handler<Response> handler, Answer<Response> answer,
                       const std::function<absl::Status(ServingProcess& server)>& before) {
  CountCall(method, " calls ");
  // Exactly one answer, whatever happens; none to a replica that is gone.
  const auto given = std::make_shared<bool>(false);
  const auto give = [this, alive = std::weak_ptr<bool>(alive_), given, answer](absl::StatusOr<Response> response) {
    if (alive.expired() || std::exchange(*given, true)) return;
    answer(std::move(response));
    if (wake_) wake_();
  };
  time_.After(limits::kRpcDeadline, [this, alive = std::weak_ptr<bool>(alive_), given, give] {
    if (!alive.expired() && !*given) trace_.Count("fault: deadline of a call passed");
    give(absl::DeadlineExceededError("the server did not answer in time"));
  });
  if (Happens(faults.lost_request)) return trace_.Count("fault: request lost");
  const auto serve = [this, &server = *server_, alive = std::weak_ptr<bool>(alive_), method, handler, before, give] {
    if (alive.expired()) return;
    if (!server.up() || faults.Cuts(server)) {
      trace_.Count("fault: call refused as unavailable");
      time_.After(Latency(), [give] { give(Away()); });
      return;
    }
    const Stopwatch::Turn turn(stopwatch_, Part::kServer);
    // A call that nobody answers any more ends with its server.
    const auto answered = std::make_shared<bool>(false);
    const std::shared_ptr<void> owed(nullptr, [this, alive, give, answered](void*) {
      if (!alive.expired() && !*answered) time_.After(Latency(), [give] { give(Away()); });
    });
    const auto reply = [this, &server, alive, method, give, answered, owed](absl::StatusOr<Response> response) {
      *answered = true;
      if (alive.expired()) return;
      observer_.OnAnswered(server, self_.id, method, response.ok());
      trace_.Remark(title() + " is answered " + method + " " + response.status().ToString());
      if (const std::string reason = ReasonOf(response.status()); reason == "LOOP" || reason == "IDENTITY_SHARED")
        trace_.Count(absl::StrCat("relay: call refused with ", reason));
      if (faults.cut_answers) return trace_.Count("fault: answer cut off");
      if (Happens(faults.lost_answer)) return trace_.Count("fault: answer lost");
      const absl::Time arrival = time_.clock.Now() + Latency();
      if (arrival < latest_answer_) trace_.Count("fault: answer overtook another");
      latest_answer_ = std::max(latest_answer_, arrival);
      time_.At(arrival, [give, response = std::move(response)] { give(response); });
    };
    const absl::Status status = before == nullptr ? absl::OkStatus() : before(server);
    if (!status.ok()) {
      reply(status);
    } else {
      server.plane().WithMember(self_, [&server, alive, handler, reply](const absl::StatusOr<Member>& member) {
        if (alive.expired()) return;
        if (member.ok())
          handler(server, *member, reply);
        else
          reply(member.status());
      });
    }
    server.Step();
  };
  Arrive(*server_, serve);
  if (Happens(faults.repeated)) {
    trace_.Count("fault: request repeated");
    Arrive(*server_, serve);
  }
}

template <typename Response>
std::unique_ptr<ControlChannel::Stream> ControlLink::Open(const std::string& method, Opener<Response> open,
                                                          std::function<void(Response)> on_message,
                                                          std::function<void(absl::Status)> on_end) {
  CountCall(method, " opens ");
  auto client = std::make_shared<ClientSide<Response>>();
  client->on_message = std::move(on_message);
  client->on_end = std::move(on_end);
  client->wake = [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired() && wake_) wake_();
  };
  Arrive(*server_,
         [this, &server = *server_, alive = std::weak_ptr<bool>(alive_), method, client, open = std::move(open)] {
           if (!client->open) return;
           const auto refuse = [client](const absl::Status& status) {
             client->ended = status;
             client->Deliver();
           };
           if (!server.up() || faults.Cuts(server) || faults.cut_answers) return refuse(Away());
           const Stopwatch::Turn turn(stopwatch_, Part::kServer);
           const auto served = std::make_shared<bool>(false);
           const std::shared_ptr<void> owed(nullptr, [this, alive, refuse, served](void*) {
             if (!alive.expired() && !*served) time_.After(Latency(), [refuse] { refuse(Away()); });
           });
           server.plane().WithMember(self_, [this, &server, alive, method, client, open, refuse, served,
                                             owed](const absl::StatusOr<Member>& member) {
             *served = true;
             if (alive.expired() || !client->open) return;
             absl::Status status = member.status();
             if (status.ok()) status = server.plane().streams().CheckRoom(self_.id);
             auto side = std::make_shared<ServerSide<Response>>(*this, server, client);
             client->server = side;
             if (status.ok()) status = open(server, *member, side);
             observer_.OnAnswered(server, self_.id, method, status.ok());
             if (!status.ok()) refuse(status);
           });
           server.Step();
         });
  return std::make_unique<Handle<ClientSide<Response>, ServerSide<Response>>>(time_, client);
}

void ControlLink::Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) {
  Call<v1::SubscribeResponse>(
      "Subscribe",
      [this, request](ServingProcess& server, const Member& member, auto reply) {
        server.authorization().Grant(member, request,
                                     [this, &server, alive = std::weak_ptr<bool>(alive_),
                                      reply](absl::StatusOr<v1::SubscribeResponse> response) {
                                       if (alive.expired()) return;
                                       if (response.ok()) observer_.OnGranted(server, self_.id, response->grant());
                                       reply(std::move(response));
                                     });
      },
      std::move(answer));
}

void ControlLink::GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) {
  Call<v1::GetKeysResponse>(
      "GetKeys",
      [this, request](ServingProcess& server, const Member& member, auto reply) {
        auto keys = server.keys().Keys(member, request.stream_id());
        if (keys.ok()) observer_.OnKeysGiven(server, self_.id, *server.multicaster().ChannelById(request.stream_id()));
        reply(std::move(keys));
      },
      std::move(answer));
}

void ControlLink::Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) {
  ++reports;
  NoteAcknowledged(request.report());
  Call<v1::ReportResponse>(
      "Report",
      [request](ServingProcess& server, const Member& member, auto reply) {
        reply(control::TakeReport(server.plane(), member, request.stream_id(), request.report()));
      },
      std::move(answer));
}

void ControlLink::Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) {
  NoteAcknowledged(request.report());
  Call<v1::RepairResponse>(
      "Repair",
      [this, request](ServingProcess& server, const Member& member, auto reply) {
        auto repaired = server.synchronization().Repairs(member, request);
        if (repaired.ok()) observer_.OnRepaired(server, *repaired);
        reply(std::move(repaired));
      },
      std::move(answer));
}

void ControlLink::Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) {
  Call<v1::RenewResponse>(
      "Renew",
      [request](ServingProcess& server, const Member& member, auto reply) {
        server.authority().Renew(member, request, reply);
      },
      std::move(answer));
}

// --- a relay's for its members

void ControlLink::Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) {
  ++authorizations;
  Call<v1::AuthorizeResponse>(
      "Authorize",
      [request](ServingProcess& server, const Member& member, auto reply) {
        if (const absl::Status allowed = server.plane().RequireRelay(member); !allowed.ok()) return reply(allowed);
        server.authority().Authorize(member, request, reply);
      },
      std::move(answer), [request](ServingProcess& server) { return server.authority().CheckQuestions(request); });
}

void ControlLink::CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) {
  Call<v1::CreateTokenResponse>(
      "CreateToken",
      [request](ServingProcess& server, const Member& member, auto reply) {
        if (const absl::Status allowed = server.plane().RequireRelay(member); !allowed.ok()) return reply(allowed);
        server.authority().CreateToken(member, request, [reply](absl::StatusOr<Authority::Token> made) {
          if (!made.ok()) return reply(made.status());
          v1::CreateTokenResponse response;
          response.set_token(wire::TokenToText(made->token));
          response.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(made->expires_at));
          reply(std::move(response));
        });
      },
      std::move(answer));
}

void ControlLink::Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) {
  Call<v1::EnrollResponse>(
      "Enroll",
      [request](ServingProcess& server, const Member& member, auto reply) {
        if (const absl::Status allowed = server.plane().RequireRelay(member); !allowed.ok()) return reply(allowed);
        server.authority().Enroll("relay", request, reply);
      },
      std::move(answer));
}

void ControlLink::Compare(const v1::CompareRequest&, Answer<v1::CompareResponse> answer) {
  answer(absl::UnimplementedError("there is one thread"));
}

void ControlLink::WaitForPosition(const v1::WaitForPositionRequest&, Answer<v1::WaitForPositionResponse> answer) {
  answer(absl::UnimplementedError("nobody waits here"));
}

// --- streams

void ControlLink::NoteAcknowledged(const v1::ReceptionReport& report) {
  const auto history = HistoryId::FromBytes(report.position().history_id());
  const auto definition = DefinitionHash::FromBytes(report.position().definition_hash());
  if (history && definition) acknowledged = {*history, *definition, Lsn{report.position().lsn()}};
}

std::unique_ptr<ControlChannel::Stream> ControlLink::CatchUp(const v1::CatchUpRequest& request,
                                                             std::function<void(v1::CatchUpResponse)> on_message,
                                                             std::function<void(absl::Status)> on_end) {
  return Open<v1::CatchUpResponse>(
      "CatchUp",
      [request](ServingProcess& server, const Member& member, const auto& to) {
        return server.synchronization().SendUnits(member, request, to);
      },
      std::move(on_message), std::move(on_end));
}

std::unique_ptr<ControlChannel::Stream> ControlLink::Snapshot(const v1::SnapshotRequest& request,
                                                              std::function<void(v1::SnapshotResponse)> on_message,
                                                              std::function<void(absl::Status)> on_end) {
  return Open<v1::SnapshotResponse>(
      "Snapshot",
      [request](ServingProcess& server, const Member& member, const auto& to) {
        return server.synchronization().SendChunks(member, request, to);
      },
      std::move(on_message), std::move(on_end));
}

}  // namespace replicast::simulation

#ifndef REPLICAST_CLIENT_DOCTOR_LOCAL_FACTS_H_
#define REPLICAST_CLIENT_DOCTOR_LOCAL_FACTS_H_

#include <string>
#include <vector>

#include "client/doctor/facts.h"

namespace replicast::doctor {

// What this machine tells by itself: interfaces, routes, kernel settings, container, firewall. Each fills its part of
// the facts; what can't be looked at is noted in not_looked_at.

// Needs nothing.
void LookAtInterfaces(Facts* facts);
// Needs facts.interface, facts.server's addresses: the route back to the server.
void LookAtRoutes(Facts* facts);
// Which groups are joined now.
void LookAtMemberships(Facts* facts);
bool IsJoined(const Facts& facts);
// Needs group, port, interface: the rules, with their counters; and later once more, for the counters alone.
void LookAtFirewall(Facts* facts);
void LookAtFirewallAgain(Facts* facts);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_LOCAL_FACTS_H_

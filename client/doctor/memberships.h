#ifndef REPLICAST_CLIENT_DOCTOR_MEMBERSHIPS_H_
#define REPLICAST_CLIENT_DOCTOR_MEMBERSHIPS_H_

#include <map>
#include <set>
#include <string>

namespace replicast::doctor {

// Interface → the groups that programs of this machine have joined there.
using Memberships = std::map<std::string, std::set<std::string>>;

// From the texts of /proc/net/igmp and /proc/net/igmp6; lines that make no sense are left aside.
Memberships ParseMemberships(const std::string& igmp, const std::string& igmp6);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_MEMBERSHIPS_H_

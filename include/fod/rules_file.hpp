#pragma once

#include "fod/skill_rules.hpp"

#include <string>

namespace fod::json {

/// Rules of a JSON file, {"categories": {"mathematical": ["sum", "prime number"], …}, "otherwise":
/// "general"}; the order of the categories counts.
/// @throws Error (usage) if it is missing, no JSON, or not of this form
events::SkillRules read_rules(std::string const& path);
/// The same of its text. @param name of the file in messages
events::SkillRules parse_rules(std::string const& text, std::string const& name);
/// The text of such a file, which people can edit.
std::string rules_text(events::SkillRules const& rules);

} // namespace fod::json

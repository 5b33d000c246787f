/// Conditions of the model test: each as text for the database, and as what it wants of a value.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model_writes.h"

namespace sagitta::db::test {

class ModelConditions : public ModelWrites {
 protected:
  using ModelWrites::ModelWrites;

  /// Of a column of the row, or of the static row; without a row its value is null.
  struct Wish {
    TwinColumn column;
    std::string text;
    std::function<bool(const Value&)> holds;
  };
  Wish random_wish(const TwinColumn& column) {
    switch (column.type) {
      case TwinType::kInt:
      case TwinType::kText: return random_comparison_of(column, column.name, column.type, std::identity());
      case TwinType::kVector: return random_equality(column);
      case TwinType::kUdt: return chance(2) ? random_equality(column) : random_wish_of_field(column);
      default: break;
    }
    if (chance(3)) return random_equality(column);
    const bool has_elements = column.type != TwinType::kSet;
    return has_elements && chance(2) ? random_wish_of_element(column) : random_wish_of_content(column);
  }

 private:
  using Part = std::function<Value(const Value& whole)>;

  /// Of these values the order of bytes is that of CQL. Nothing is less or greater than null.
  static bool meets(const std::string& op, const Value& left, const Value& right) {
    if (!left || !right) {
      const bool both = !left && !right;
      return op == "=" ? both : op == "!=" && !both;
    }
    if (op == "=") return *left == *right;
    if (op == "!=") return *left != *right;
    if (op == "<") return *left < *right;
    if (op == "<=") return *left <= *right;
    return op == ">" ? *left > *right : *left >= *right;
  }
  Wish random_comparison_of(const TwinColumn& column, const std::string& subject, TwinType type, const Part& part) {
    static constexpr std::array kOperators = {"=", "!=", "<", "<=", ">", ">=", "IN"};
    const std::string op = kOperators[below(kOperators.size())];
    if (op == "IN") return random_choice_of(column, subject, type, part);
    Literal wanted = random_scalar(type);
    while (!wanted.value && op != "=" && op != "!=") wanted = random_scalar(type);
    return {column, fmt::format("{} {} {}", subject, op, wanted.text),
            [=](const Value& whole) { return meets(op, part(whole), wanted.value); }};
  }
  Wish random_choice_of(const TwinColumn& column, const std::string& subject, TwinType type, const Part& part) {
    std::vector<Literal> wanted;
    std::vector<std::string> texts;
    for (uint64_t left = below(4); left > 0; --left) {
      wanted.push_back(random_scalar(type));
      texts.push_back(wanted.back().text);
    }
    return {column, fmt::format("{} IN ({})", subject, fmt::join(texts, ", ")), [=](const Value& whole) {
              return std::ranges::any_of(wanted, [&](const Literal& one) { return part(whole) == one.value; });
            }};
  }
  Wish random_equality(const TwinColumn& column) {
    const std::string op = chance(2) ? "=" : "!=";
    Literal wanted{"null", std::nullopt};
    if (!is_multi_cell(column.type)) {
      wanted = random_scalar(column.type);
    } else if (!chance(4)) {
      auto [text, elements] = random_elements(column.type, false);
      TwinCell cell;
      put_elements(cell, elements, INT64_MAX, 0);
      wanted = {text, visible_cell(column, cell, INT64_MIN, now_s())};
    }
    return {column, fmt::format("{} {} {}", column.name, op, wanted.text),
            [=](const Value& whole) { return meets(op, whole, wanted.value); }};
  }
  Wish random_wish_of_field(const TwinColumn& column) {
    const size_t number = below(kUdtFields);
    return random_comparison_of(
        column, fmt::format("{}.f{}", column.name, number), number == 0 ? TwinType::kInt : TwinType::kText,
        [number](const Value& whole) { return whole ? unpacked_udt(*whole)[number] : Value(); });
  }
  Wish random_wish_of_element(const TwinColumn& column) {
    if (column.type == TwinType::kList) {
      const size_t number = below(4);
      return random_comparison_of(column, fmt::format("{}[{}]", column.name, number), TwinType::kInt,
                                  [number](const Value& whole) {
                                    const auto elements = whole ? unpacked(*whole) : std::vector<Bytes>();
                                    return number < elements.size() ? Value(elements[number]) : Value();
                                  });
    }
    const auto key = static_cast<int32_t>(below(5)) - 2;
    return random_comparison_of(column, fmt::format("{}[{}]", column.name, key), TwinType::kText,
                                [key = int_bytes(key)](const Value& whole) {
                                  const auto entries = whole ? unpacked(*whole) : std::vector<Bytes>();
                                  for (size_t i = 0; i + 1 < entries.size(); i += 2) {
                                    if (entries[i] == key) return Value(entries[i + 1]);
                                  }
                                  return Value();
                                });
  }
  Wish random_wish_of_content(const TwinColumn& column) {
    const bool is_map = column.type == TwinType::kMap, of_keys = is_map && chance(2);
    const auto number = static_cast<int32_t>(below(5)) - 2;
    const std::string text = random_text();
    const bool is_text = is_map && !of_keys;
    const size_t first = is_text ? 1 : 0, step = is_map ? 2 : 1;
    return {column,
            fmt::format("{} CONTAINS {}{}", column.name, of_keys ? "KEY " : "",
                        is_text ? "'" + text + "'" : std::to_string(number)),
            [first, step, wanted = is_text ? text : int_bytes(number)](const Value& whole) {
              const auto elements = whole ? unpacked(*whole) : std::vector<Bytes>();
              for (size_t i = first; i < elements.size(); i += step) {
                if (elements[i] == wanted) return true;
              }
              return false;
            }};
  }
};

}  // namespace sagitta::db::test

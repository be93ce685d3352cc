#include "compare/svg.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace peregrine::compare {
namespace {

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

const char* AnchorName(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "start";
}

}  // namespace

Svg::Svg(double width, double height)
    : body_(absl::StrFormat(
          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" "
          "height=\"%g\" viewBox=\"0 0 %g %g\" font-family=\"Helvetica, "
          "Arial, sans-serif\">\n",
          width, height, width, height)) {
  Rectangle(0, 0, width, height, "#ffffff");
}

void Svg::Rectangle(double x, double y, double width, double height,
                    absl::string_view color) {
  absl::StrAppendFormat(
      &body_,
      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
      "fill=\"%s\"/>\n",
      x, y, width, height, color);
}

void Svg::Line(double x1, double y1, double x2, double y2,
               absl::string_view color, double width, bool dashed) {
  absl::StrAppendFormat(
      &body_,
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
      "stroke-width=\"%g\"%s/>\n",
      x1, y1, x2, y2, color, width, dashed ? " stroke-dasharray=\"5 4\"" : "");
}

void Svg::Circle(double x, double y, double radius, absl::string_view color) {
  absl::StrAppendFormat(
      &body_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\"/>\n", x, y,
      radius, color);
}

void Svg::Text(double x, double y, absl::string_view text,
               const TextStyle& style) {
  absl::StrAppendFormat(
      &body_,
      "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\" text-anchor=\"%s\" "
      "fill=\"%s\"%s%s>%s</text>\n",
      x, y, style.size, AnchorName(style.anchor), style.color,
      style.bold ? " font-weight=\"bold\"" : "",
      style.degrees == 0
          ? ""
          : absl::StrFormat(" transform=\"rotate(%d %.1f %.1f)\"",
                            style.degrees, x, y),
      Escape(text));
}

double GridStep(double range, int most) {
  const double power = std::pow(10, std::floor(std::log10(range / most)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power * most >= range * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace peregrine::compare

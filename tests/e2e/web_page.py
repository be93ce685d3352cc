"""Uses the page as a person does: python web_page.py URL CHROMEDRIVER SERVER_PID [FOLDER]

The server has a glossary "animals" that makes "Mieze" of a cat. Ends with 0 if
all went well. Ends the server, to see what the page says then.
FOLDER: where to write screenshots.
"""

import os
import signal
import sys

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

URL, DRIVER, SERVER_PID = sys.argv[1:4]
FOLDER = sys.argv[4] if len(sys.argv) > 4 else None
WAIT_SECONDS = 60


class Page:
    def __init__(self):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",
                         "--disable-dev-shm-usage", "--window-size=1100,760",
                         "--lang=en"):
            options.add_argument(argument)
        # The edge's certificate is self-signed here.
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(
            options=options, service=webdriver.ChromeService(DRIVER))
        self.driver.get(URL + "/")
        self.wait(lambda: self.element("source").is_enabled())

    def element(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.element(name).text

    def wait(self, condition):
        return WebDriverWait(self.driver, WAIT_SECONDS).until(
            lambda driver: condition())

    def write(self, text):
        """As if it were pasted."""
        self.driver.execute_script(
            "const box = arguments[0]; box.value = arguments[1];"
            "box.dispatchEvent(new Event('input', {bubbles: true}));",
            self.element("input"), text)

    def find(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        """Also of what no eye sees: the marks lie under the text."""
        return [element.get_attribute("textContent") for element in self.find(selector)]

    def translated(self, text, part):
        """Writes it, and waits until `part` stands in the translation."""
        self.write(text)
        self.wait(lambda: part in self.text("output"))

    def word(self, text):
        """Of the translation."""
        return next(element for element in self.find("#output [data-word]")
                    if element.text == text)

    def hover(self, element, x=0, y=0):
        ActionChains(self.driver).move_to_element_with_offset(element, x, y).perform()

    def focused(self):
        return self.driver.switch_to.active_element.get_attribute("id")

    def screenshot(self, name):
        if FOLDER:
            self.driver.save_screenshot(os.path.join(FOLDER, name))

    def width(self):
        return self.driver.execute_script(
            "return document.documentElement.scrollWidth")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def translate(page):
    page.element("input").send_keys("The house is small.")
    page.wait(lambda: "Haus" in page.text("output"))
    for part in (" ms", " tokens", " tokens/s", "cpu"):
        page.wait(lambda: part in page.text("cost"))
    check("English" in page.text("from-title"), "the languages are named")
    check("German" in page.text("to-title"), "both of them")
    check(page.element("output").get_attribute("lang") == "de",
          "a screen reader is told the language")
    check(page.element("status").get_attribute("role") == "status",
          "a screen reader is told of the end")
    check("Translated" in page.element("status").get_attribute("textContent"), "now")
    check(not page.find("#alternatives button"), "no alternatives unless asked")


def languages(page):
    source = Select(page.element("source"))
    check([option.get_attribute("value") for option in source.options] == ["auto", "en"],
          "the languages of the server, and detection")
    check(not page.element("swap").is_enabled(), "nobody translates back")
    source.select_by_value("auto")
    page.translated("The weather is beautiful today, and we would like to go for a walk.",
                    "Wetter")
    page.wait(lambda: "English" in page.text("from-title"))
    check("(detected)" in page.text("from-title"), page.text("from-title"))
    source.select_by_value("en")
    page.wait(lambda: "(detected)" not in page.text("from-title"))


def words_on_hover(page):
    page.translated("The house is small. Where is the \U0001F600 garden?", "Garten")
    page.hover(page.word("Haus"))
    page.wait(lambda: page.texts("#marks .on") == ["house"])
    check("Haus ← house" in page.text("pointed"), page.text("pointed"))
    check("% sure" in page.text("pointed"), "how sure the sentence is")
    page.hover(page.word("Garten"))
    page.wait(lambda: page.texts("#marks .on") == ["garden"])
    # Over the text itself, whose marks lie under it.
    box = page.element("input").rect
    for mark in page.find("#marks [data-word]"):
        if mark.get_attribute("textContent") == "small":
            x = mark.rect["x"] + mark.rect["width"] / 2 - box["x"] - box["width"] / 2
            y = mark.rect["y"] + mark.rect["height"] / 2 - box["y"] - box["height"] / 2
            page.hover(page.element("input"), int(x), int(y))
    page.wait(lambda: page.texts("#output .on") == ["klein"])
    page.hover(page.element("translate"))
    page.wait(lambda: not page.find(".on"))


def words_by_keyboard(page):
    page.element("output").send_keys(Keys.HOME)
    page.wait(lambda: page.texts("#output .on") == ["Das"])
    page.element("output").send_keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.texts("#output .on") == ["Haus"])
    status = page.element("status").get_attribute("textContent")
    check(status.startswith("Haus: ") and "house" in status,
          f"a screen reader is told of the word: {status}")
    # The caret in the text points, too.
    page.element("input").send_keys(Keys.CONTROL, Keys.HOME)
    page.element("input").send_keys(*[Keys.ARROW_RIGHT] * 6)
    page.wait(lambda: page.texts("#output .on") == ["Haus"])


def order_of_keyboard(page):
    page.element("source").send_keys(Keys.TAB)
    order = []
    while len(order) < 6:
        order.append(page.focused())
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
    check(order == ["target", "format", "count", "translate", "input", "output"], order)


def alternatives(page):
    page.translated("The house is small.", "Haus")
    Select(page.element("count")).select_by_value("3")
    buttons = page.wait(lambda: page.find("#alternatives button"))
    check(len(buttons) == 3, "three hypotheses")
    second = buttons[1].find_element(By.CLASS_NAME, "text").text
    buttons[1].send_keys(Keys.ENTER)  # by the keyboard
    check(page.text("output") == second, "the chosen one is shown")
    check(buttons[1].get_attribute("aria-pressed") == "true", "and marked")
    page.hover(page.find("#output [data-word]")[1])
    page.wait(lambda: page.find("#marks .on"))


def spans_in_place(page):
    page.translated("Please write to info@example.org before Monday.", "info@example.org")
    for side in ("marks", "output"):
        page.wait(lambda: page.texts(f"#{side} .kept") == ["info@example.org"])
    check("Kept" in page.find("#output .kept")[0].get_attribute("title"), "it says why")


def flags_in_place(page):
    page.translated("The house is small. \u4e9c\u4e9d\u4e9e are three names. We like the garden.",
                    "Garten")
    flags = page.wait(lambda: page.texts("#flags li"))
    check(any("characters" in flag for flag in flags), flags)
    page.wait(lambda: page.find("#marks .flagged"))
    check("house" not in "".join(page.texts("#marks .flagged")), "only its sentence")
    check("names" in "".join(page.texts("#marks .flagged")), "the whole of it")
    check(page.find("#output .flagged"), "on both sides")


def terms(page):
    page.driver.execute_script("arguments[0].open = true", page.element("more"))
    page.translated("The house is small.", "Haus")
    page.element("terms").send_keys("house = Hütte")
    page.wait(lambda: "Hütte" in page.text("output"))
    check(page.texts("#marks .term") == ["house"], "the term is marked")
    check(page.texts("#output .term") == ["Hütte"], "and what it became")
    page.element("terms").clear()
    page.element("terms").send_keys(" ")
    page.wait(lambda: "Haus" in page.text("output"))
    box = page.find("#glossaries input")[0]
    check(box.get_attribute("value") == "animals", "a glossary of the server")
    box.click()
    page.translated("The cat is small.", "Mieze")
    box.click()
    page.wait(lambda: "Mieze" not in page.text("output"))


def markup(page):
    page.write("<img src=x onerror=document.title='run'> <b>Hello</b>")
    page.wait(lambda: page.text("output") and "Haus" not in page.text("output"))
    check(not page.find("#output img, #output b"),
          "a translation is text, whatever it holds")
    check(page.driver.title == "Peregrine: translate", "no script of a text runs")
    Select(page.element("format")).select_by_value("FORMAT_HTML")
    page.translated("<p>The <b>house</b> is small.<script>document.title = 'run';</script></p>",
                    "<b>Haus</b>")
    check("<b>" in page.texts("#output .tag"), "tags are marked")
    page.element("render").click()
    frame = page.element("rendered")
    check(frame.is_displayed() and not page.element("output").is_displayed(), "shown as a page")
    page.driver.switch_to.frame(frame)
    bold = page.wait(lambda: page.find("b"))
    check(bold[0].text == "Haus", "with its bold word")
    page.driver.switch_to.default_content()
    check(page.driver.title == "Peregrine: translate", "but its scripts do not run")
    page.element("render").click()
    Select(page.element("format")).select_by_value("FORMAT_PLAIN")
    check(not page.element("rendered").is_displayed(), "plain text is no page")


def long_texts(page):
    text = "The house is small. " * 500  # 10,000 characters
    page.hover(page.element("output"))   # the pointer rests there while the text grows
    page.write(text)
    page.wait(lambda: page.text("output").count("Haus") == 500)
    check(page.texts("#marks")[0] == text + "\n", "all of it")
    check(not page.find("#output [data-word]"), "words are many, and not wanted yet")
    page.element("output").send_keys(Keys.HOME)
    page.wait(lambda: page.find("#output [data-word]"))
    page.hover(page.word("Haus"))
    page.wait(lambda: page.texts("#marks .on") == ["house"])
    height = page.driver.execute_script(
        "return [arguments[0].clientHeight, arguments[0].scrollHeight]", page.element("input"))
    check(height[0] >= height[1] - 1, f"the text is seen without a scrollbar of its own: {height}")
    page.write("x" * 70000)
    check("too-long" in page.element("length").get_attribute("class"),
          "a text over the limit is marked")
    check(not page.element("translate").is_enabled(), "and not sent")


def other_screens(page):
    page.translated("Good morning!", "Guten Morgen")
    page.driver.set_window_size(420, 900)
    check(page.width() <= 420, "a phone's width is enough")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    colour = page.driver.execute_script(
        "return getComputedStyle(document.body).backgroundColor")
    check(colour == "rgb(20, 23, 27)", f"dark where asked: {colour}")
    page.screenshot("web-page-phone.png")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.driver.set_window_size(1100, 760)


def right_to_left(page):
    page.write("\u05e9\u05dc\u05d5\u05dd")
    for name in ("input", "marks"):
        direction = page.driver.execute_script(
            "return getComputedStyle(arguments[0]).direction", page.element(name))
        check(direction == "rtl", f"Hebrew is written from the right: {name}")


def picture(page):
    Select(page.element("count")).select_by_value("3")
    page.driver.execute_script("arguments[0].open = false", page.element("more"))
    page.translated("Good morning! The meeting begins at 9:30 in the small room. "
                    "Please send your questions to office@example.org.", "office@example.org")
    page.wait(lambda: len(page.find("#alternatives button")) == 3)
    page.element("input").click()
    page.hover(page.word("kleinen"))
    page.wait(lambda: page.texts("#marks .on") == ["small"])
    page.screenshot("web-page.png")


def refused(page):
    """An error of the server, in its words."""
    page.driver.execute_script("arguments[0].open = true", page.element("more"))
    page.element("terms").send_keys("a" * 2000 + " = b")
    page.wait(lambda: "terms" in page.text("error"))
    check(page.text("output") == "", "no old answer beside an error")
    page.element("terms").clear()
    page.element("terms").send_keys(" ")
    page.wait(lambda: not page.text("error") and page.text("output"))


def no_server(page):
    os.kill(int(SERVER_PID), signal.SIGKILL)
    page.write("Are you there?")
    page.wait(lambda: page.text("error"))
    check(page.text("output") == "", "no old answer beside an error")
    check(page.element("error").get_attribute("role") == "alert",
          "a screen reader is told of it")


STEPS = (translate, languages, words_on_hover, words_by_keyboard, order_of_keyboard,
         alternatives, spans_in_place, flags_in_place, terms, markup, long_texts, other_screens,
         right_to_left, picture, refused, no_server)


def main():
    page = Page()
    doing = "start"
    try:
        for step in STEPS:
            doing = step.__name__
            step(page)
        severe = [entry["message"] for entry in page.driver.get_log("browser")
                  if entry["level"] == "SEVERE" and "/Translate" not in entry["message"]]
        check(not severe, severe)
    except BaseException:
        print(f"{doing}: {page.text('error')!r}, {page.text('output')[:300]!r}", file=sys.stderr)
        page.screenshot("web-page-failed.png")
        raise
    finally:
        page.driver.quit()


main()

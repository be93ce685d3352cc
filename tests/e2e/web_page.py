"""Uses the page as a person does: python web_page.py URL CHROMEDRIVER SERVER_PID [FOLDER]

Ends with 0 if all went well. Ends the server, to see what the page says then.
FOLDER: where to write screenshots.
"""

import os
import signal
import sys

from selenium import webdriver
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
        self.wait(lambda: self.element("model").is_enabled())

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
    page.wait(lambda: " ms" in page.text("cost"))
    check("English" in page.text("from-title"), "the languages are named")
    check(page.element("output").get_attribute("lang") == "de",
          "a screen reader is told the language")
    check(page.element("status").get_attribute("role") == "status",
          "a screen reader is told of the end")
    check(not page.driver.find_elements(By.CSS_SELECTOR, "#alternatives button"),
          "no alternatives unless asked")


def alternatives(page):
    Select(page.element("count")).select_by_value("3")
    buttons = page.wait(lambda: page.driver.find_elements(
        By.CSS_SELECTOR, "#alternatives button"))
    check(len(buttons) == 3, "three hypotheses")
    second = buttons[1].find_element(By.CLASS_NAME, "text").text
    buttons[1].send_keys(Keys.ENTER)  # by the keyboard
    check(page.text("output") == second, "the chosen one is shown")
    check(buttons[1].get_attribute("aria-pressed") == "true", "and marked")
    page.screenshot("web-page.png")


def markup_is_text(page):
    page.write("<img src=x onerror=document.title='run'> <b>Hello</b>")
    page.wait(lambda: page.text("output") and "Haus" not in page.text("output"))
    check(not page.driver.find_elements(By.CSS_SELECTOR, "#output *"),
          "a translation is text, whatever it holds")
    check(page.driver.title == "Peregrine: translate", "no script of a text runs")


def long_texts(page):
    page.write("The house is small. " * 500)  # 10,000 characters
    page.wait(lambda: page.text("output").count("Haus") == 500)
    page.write("x" * 70000)
    check("too-long" in page.element("length").get_attribute("class"),
          "a text over the limit is marked")
    check(not page.element("translate").is_enabled(), "and not sent")


def other_screens(page):
    page.write("Good morning!")
    page.wait(lambda: "Guten Morgen" in page.text("output"))
    page.driver.set_window_size(420, 900)
    check(page.width() <= 420, "a phone's width is enough")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    colour = page.driver.execute_script(
        "return getComputedStyle(document.body).backgroundColor")
    check(colour == "rgb(20, 23, 27)", f"dark where asked: {colour}")
    page.screenshot("web-page-phone.png")
    page.driver.set_window_size(1100, 760)


def right_to_left(page):
    page.write("\u05e9\u05dc\u05d5\u05dd")
    direction = page.driver.execute_script(
        "return getComputedStyle(arguments[0]).direction",
        page.element("input"))
    check(direction == "rtl", "Hebrew is written from the right")


def errors(page):
    os.kill(int(SERVER_PID), signal.SIGKILL)
    page.write("Are you there?")
    page.wait(lambda: page.text("error"))
    check(page.text("output") == "", "no old answer beside an error")
    check(page.element("error").get_attribute("role") == "alert",
          "a screen reader is told of it")


def main():
    page = Page()
    try:
        for step in (translate, alternatives, markup_is_text, long_texts,
                     other_screens, right_to_left, errors):
            step(page)
        severe = [entry["message"] for entry in page.driver.get_log("browser")
                  if entry["level"] == "SEVERE" and "/Translate" not in entry["message"]]
        check(not severe, severe)
    except BaseException:
        print(page.text("error"), page.text("output"), file=sys.stderr)
        raise
    finally:
        page.driver.quit()


main()

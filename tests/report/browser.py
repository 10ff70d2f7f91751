"""A headless Chromium that is driven through a pipe, by the standard library alone."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# WebGL by software: there need be no graphics card. No way to any network.
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu-sandbox", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--proxy-server=127.0.0.1:1", "--remote-debugging-pipe", "--window-size=1100,900",
)  # fmt: skip


def _pipe():
    """Two ends whose numbers are none of those that the browser needs."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


class Browser:
    """One page; ``console`` has all that it complained of, ``requests`` what it asked for."""

    def __init__(self, folder, *flags):
        self.console, self.requests, self._buffer, self._number = [], [], b"", 0
        to_page, self._out = _pipe()
        self._in, from_page = _pipe()

        def hand_over():
            os.dup2(to_page, 3)  # where Chromium reads
            os.dup2(from_page, 4)  # where it answers

        self._process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, *flags, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_page)
        os.close(from_page)
        target = self._call("Target.createTarget", session=None, url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", session=None, targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)
        os.close(self._in)
        os.close(self._out)

    def open(self, path, ready, seconds=60):
        """Open a file and wait until the expression ``ready`` is true."""
        self._call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'", seconds)
        self.wait(ready, seconds)

    def wait(self, ready, seconds=60):
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({ready})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{ready}; {self.console}")
            time.sleep(0.1)

    def value(self, expression):
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def box(self, selector):
        """Left, top, width and height in the window, scrolled into view."""
        self.value(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
        return self.value(
            f"(b => [b.left, b.top, b.width, b.height])"
            f"(document.querySelector('{selector}').getBoundingClientRect())"
        )

    def shot(self, selector):
        """What is seen of an element, ``(rows, columns, 3)``, one pixel for each of the window."""
        x, y, width, height = self.box(selector)
        scroll = self.value("[scrollX, scrollY]")
        clip = {
            "x": x + scroll[0],
            "y": y + scroll[1],
            "width": width,
            "height": height,
            "scale": 1,
        }
        data = self._call("Page.captureScreenshot", clip=clip)["data"]
        return np.asarray(Image.open(BytesIO(b64decode(data))).convert("RGB"))

    def printed(self):
        """The page as a PDF."""
        return b64decode(self._call("Page.printToPDF", printBackground=True)["data"])

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self._call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1,
                clickCount=1,
            )  # fmt: skip

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def choose_files(self, selector, paths):
        node = self._call("DOM.getDocument")["root"]["nodeId"]
        found = self._call("DOM.querySelector", nodeId=node, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=found, files=[str(path) for path in paths])

    def on_paper(self, expression, width):
        """The value of an expression while the page is laid out for paper of some pixels."""
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setEmulatedMedia", media="print")
        self._call("Emulation.setDeviceMetricsOverride", **size)
        found = self.value(expression)
        self._call("Emulation.setEmulatedMedia", media="")
        self._call("Emulation.clearDeviceMetricsOverride")
        return found

    def dark(self):
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def _call(self, method, session="page", **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _next(self):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], 60)
            assert ready, "the browser does not answer"
            self._buffer += os.read(self._in, 1 << 20)
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def _note(self, event):
        kind, found = event.get("method"), event.get("params", {})
        if kind == "Runtime.consoleAPICalled" and found["type"] in ("error", "assert"):
            self.console.append(found["args"])
        elif kind == "Runtime.exceptionThrown":
            self.console.append(found["exceptionDetails"])
        elif kind == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.console.append(found["entry"])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"][:80])

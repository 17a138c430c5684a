"""One face for both SDKs: the same calls, the same queue of what came in."""

import asyncio
import os

from conftest import BOT_ID, SECRET

OFFICIAL = os.environ.get("WECOM_SDK", "official") == "official"


class Quiet:
    """A logger that keeps warnings and errors for the assertion message."""

    def __init__(self):
        self.lines = []

    def debug(self, *_args):
        pass

    info = debug

    def warn(self, *args):
        self.lines.append(" ".join(str(arg) for arg in args))

    error = warn
    warning = warn


class Client:
    """An SDK client with queues for messages, events and errors."""

    def __init__(self, platform, secret=SECRET, **options):
        self.logger = Quiet()
        self.queues = {}
        if OFFICIAL:
            # The TLS context is made at import, so the import has to come after the CA was installed.
            from aibot import WSClient, WSClientOptions

            self.sdk = WSClient(
                WSClientOptions(
                    bot_id=BOT_ID, secret=secret, ws_url=platform.wss_url, logger=self.logger, **options))
        else:
            from wecom_aibot_sdk import WSClient

            self.sdk = WSClient(BOT_ID, secret, ws_url=platform.ws_url, logger=self.logger, **options)

    def listen(self, event):
        """Queue of what the SDK emits under that name."""
        if event not in self.queues:
            queue = self.queues[event] = asyncio.Queue()
            self.sdk.on(event, lambda *args: queue.put_nowait(args[0] if args else None))
        return self.queues[event]

    async def next(self, event, seconds=10):
        try:
            return await asyncio.wait_for(self.listen(event).get(), seconds)
        except asyncio.TimeoutError:
            raise AssertionError(f"no {event}; the SDK says: {self.logger.lines}") from None

    async def __aenter__(self):
        for event in ("authenticated", "message", "event", "error", "disconnected"):
            self.listen(event)
        await self.sdk.connect()
        await self.next("authenticated")
        return self

    async def __aexit__(self, *_):
        result = self.sdk.disconnect()
        if result is not None:
            await result
        await asyncio.sleep(0.05)

    async def download(self, url, key):
        """Plain bytes and file name."""
        result = await self.sdk.download_file(url, key)
        return result if OFFICIAL else (result["buffer"], result["filename"])

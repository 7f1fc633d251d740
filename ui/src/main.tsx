import { render } from "preact";
import { App } from "./app";
import { loadFeed } from "./feed";
import { startLanguage, t } from "./i18n/index";
import { startKeys } from "./keys";
import { startLive } from "./live";
import { startRouter } from "./router";
import { signIn, takeFragment } from "./session";
import { loadMe, say, startClock } from "./state";

async function start(): Promise<void> {
  const token = takeFragment(); // before anything else, so that the token is not in the address bar while we wait
  await startLanguage();
  if (token && !(await signIn(token))) say(t("signin.failed"), { next: t("signin.failed.next"), bad: true });
  await loadMe();
  render(<App />, document.getElementById("app")!);
  startRouter();
  startKeys();
  startClock();
  startLive();
  void loadFeed();
}

void start();

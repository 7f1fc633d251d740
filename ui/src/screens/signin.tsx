import { t } from "../i18n/index";
import { Mark } from "../parts/icons";
import { Fresco } from "./welcome";

/** No session and nothing public to show: how to get a link. */
export function SignIn() {
  return (
    <div class="welcome">
      <Fresco />
      <div class="welcome-side">
        <p class="brand brand-big"><Mark size={40} /><span>mural</span></p>
        <div class="welcome-form"><h1>{t("signin.title")}</h1><HowToOpen /></div>
      </div>
    </div>
  );
}

export function HowToOpen() {
  return (
    <>
      <p class="lead">{t("signin.how")}</p>
      <pre class="type"><code>mural open</code></pre>
      <p class="hint">{t("signin.why")}</p>
    </>
  );
}

/** The page is here but the node is not. */
export function Unreachable() {
  return (
    <div class="welcome">
      <Fresco />
      <div class="welcome-side">
        <p class="brand brand-big"><Mark size={40} /><span>mural</span></p>
        <div class="welcome-form" role="alert">
          <h1>{t("error.unreachable")}</h1>
          <p class="lead">{t("error.unreachable.next")}</p>
          <button type="button" class="button button-main" onClick={() => location.reload()}>{t("again")}</button>
        </div>
      </div>
    </div>
  );
}

import puppeteer, { type Browser } from "npm:puppeteer-core@25.16.0";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** A program on the path; `null` where there is none. */
function findProgram(names: readonly string[]): string | null {
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  for (const path of directories.flatMap((directory) => names.map((name) => `${directory}/${name}`))) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // The next one.
    }
  }
  return null;
}

/** Chromium, where it is installed. */
export const CHROMIUM: string | null = findProgram(NAMES);

/** Starts Chromium without a window. Its sandbox does not work for root, as which containers run. */
export async function launchBrowser(executablePath: string): Promise<Browser> {
  return await puppeteer.launch({ executablePath, args: ["--no-sandbox"], headless: true });
}

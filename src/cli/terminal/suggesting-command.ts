import { Command, type ErrorOptions } from "commander";
import { COMMAND_SYNONYMS, FLAG_SYNONYMS } from "./synonyms.ts";

const MISSING = "commander.missingMandatoryOptionValue";

/** What commander does with a flag that it does not know; not in its types. */
interface Refusing {
  unknownOption(flag: string): never;
}

/** A command that tells whoever misspells it what was probably meant, and which help to read. */
export class SuggestingCommand extends Command {
  override createCommand(name?: string): Command {
    return new SuggestingCommand(name);
  }

  /** Every refusal of a command line comes by here, with commander's own suggestion where it has one. */
  override error(message: string, options?: ErrorOptions): never {
    // Commander looks for missing flags first; one of another name is more to the point.
    const strange = options?.code === MISSING ? this.args.find((word) => /^-./.test(word)) : null;
    if (strange) return (this as unknown as Refusing).unknownOption(strange);
    const shown = options?.code === "commander.unknownCommand" ? "the commands" : "the flags";
    this.showHelpAfterError(`(${pathOf(this)} --help shows ${shown})`);
    const meant = this.#meantBy(message, options?.code);
    const told = meant ? `${message.split("\n")[0]}\n(Did you mean ${meant}?)` : message;
    return super.error(told, options);
  }

  #meantBy(message: string, code: string | undefined): string | undefined {
    const [, word = ""] = /'([^']+)'/.exec(message) ?? [];
    switch (code) {
      case "commander.unknownOption":
        return this.#flagFor(word);
      case "commander.unknownCommand":
        return this.#commandFor(kebab(word));
      case "commander.excessArguments":
      case MISSING:
        return this.#flagOfArgument();
      default:
        return undefined;
    }
  }

  #flagFor(given: string): string | undefined {
    const [text = ""] = given.replace(/^-+/, "").split("=");
    const word = kebab(text);
    return [`--${word}`, ...(FLAG_SYNONYMS[word] ?? [])].find((flag) => this.#has(flag));
  }

  /** A tenant's slug that stands alone. */
  #flagOfArgument(): string | undefined {
    const [word] = this.args;
    const named = this.getOptionValue("slug") !== undefined || this.registeredArguments.length > 0;
    return word && !named && this.#has("--slug") ? `--slug ${word}` : undefined;
  }

  #has(flag: string): boolean {
    const [name] = flag.split(" ");
    return this.options.some(({ long }) => long === name);
  }

  /** By its name elsewhere, or by where it lies: `list` is `tenant list`. */
  #commandFor(name: string): string | undefined {
    const [root = "", ...above] = pathOf(this).split(" ");
    const same = COMMAND_SYNONYMS[[...above, name].join(" ")];
    if (same !== undefined) return `${root} ${same}`;
    if (above.length > 0) return undefined;
    const homes = this.commands.filter(({ commands }) =>
      commands.some((command) => command.name() === name),
    );
    const home = homes.find((command) => command.name() === "tenant") ?? homes[0];
    return home && `${root} ${home.name()} ${name}`;
  }
}

/** The words that call a command: `tenantry tenant list`. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

const kebab = (word: string): string =>
  word.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-");

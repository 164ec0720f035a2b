/** An invariant does not hold. */
export class Violation extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Violation";
  }
}

/** The simulated supervisor has been killed: nothing it does from now on has an effect. */
export class Died extends Error {
  constructor() {
    super("the simulated supervisor was killed");
    this.name = "Died";
  }
}

/** The code with which a supervisor and its keeper end where another supervisor has the home. Whoever wanted one has it. */
export const otherRunsCode = 65;

// Numbers as the server renders them: grouped by commas, with every digit.

/**
 * "1234567.5" becomes "1,234,567.5"; a number that is written with an exponent stays as it is.
 * @param {number} value
 * @returns {string}
 */
export function numberText(value) {
  const text = String(value);
  if (text.includes("e")) return text;
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** A share of one as a whole percentage: 0.7 becomes "70 %". Rounds down, so that only 1 is "100 %". */
export const percentText = (share) => `${Math.floor(share * 100 + 1e-9)} %`;

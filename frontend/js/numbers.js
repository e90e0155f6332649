// Numbers as the server writes them: grouped by commas, with every digit that was sent.

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

/** A share of one as whole percent: 0.7 becomes "70 %". Never rounds up to 100 what is not done. */
export const percentText = (share) => `${Math.floor(share * 100 + 1e-9)} %`;

document.querySelector("p").textContent = "firstlight";
